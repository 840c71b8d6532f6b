//! Quantities as Kubernetes prints them, so that what is applied equals what is read back. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Billionths in one, the finest step of a quantity.
const NANO: i128 = 1_000_000_000;
/// Decimal suffixes from billionths up, a factor of 1000 each.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
/// Binary suffixes from ones up, a factor of 1024 each.
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The value in billionths; `None` for text that is no quantity, or one with an exponent.
pub(crate) fn nanos(quantity: &Quantity) -> Option<i128> {
    let (number, scale, _) = split(&quantity.0)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let unit = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = digits.checked_mul(scale)?;
    // Finer than a billionth rounds up, as Kubernetes does.
    Some(scaled.div_euclid(unit) + i128::from(scaled.rem_euclid(unit) != 0))
}

/// The form that Kubernetes prints; text that is not understood stays as it is, for the API server to judge.
pub(crate) fn canonical(quantity: &Quantity) -> Quantity {
    let printed = nanos(quantity)
        .zip(split(&quantity.0))
        .map(|(nanos, (.., binary))| {
            if binary && nanos.abs() >= 1024 * NANO {
                let ones = nanos.div_euclid(NANO) + i128::from(nanos.rem_euclid(NANO) != 0);
                print(ones, 1024, &BINARY)
            } else {
                print(nanos, 1000, &DECIMAL)
            }
        });
    printed.map_or_else(|| quantity.clone(), Quantity)
}

/// The canonical form of every quantity in a map of resources.
pub(crate) fn canonical_map(quantities: &mut BTreeMap<String, Quantity>) {
    for quantity in quantities.values_mut() {
        *quantity = canonical(quantity);
    }
}

/// The canonical form of every quantity in a pod.
pub(crate) fn canonical_pod(pod: &mut PodSpec) {
    let initial = pod.init_containers.iter_mut().flatten();
    for container in pod.containers.iter_mut().chain(initial) {
        container.resources.iter_mut().for_each(canonical_resources);
    }
    pod.resources.iter_mut().for_each(canonical_resources);
    pod.overhead.iter_mut().for_each(canonical_map);
    for volume in pod.volumes.iter_mut().flatten() {
        let limit = volume
            .empty_dir
            .as_mut()
            .and_then(|dir| dir.size_limit.as_mut());
        limit
            .into_iter()
            .for_each(|limit| *limit = canonical(limit));
        let claim = volume
            .ephemeral
            .as_mut()
            .and_then(|claim| claim.volume_claim_template.as_mut());
        let resources = claim.and_then(|claim| claim.spec.resources.as_mut());
        if let Some(resources) = resources {
            resources.requests.iter_mut().for_each(canonical_map);
            resources.limits.iter_mut().for_each(canonical_map);
        }
    }
}

fn canonical_resources(resources: &mut ResourceRequirements) {
    resources.requests.iter_mut().for_each(canonical_map);
    resources.limits.iter_mut().for_each(canonical_map);
}

/// The number, the billionths in one of its unit, and whether the unit is binary.
fn split(text: &str) -> Option<(&str, i128, bool)> {
    let end = text
        .find(|sign: char| sign.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let power = |suffixes: &[&str]| suffixes.iter().position(|known| *known == suffix);
    let decimal = power(&DECIMAL).map(|at| (1000_i128.pow(at as u32), false));
    let binary = || power(&BINARY).map(|at| (NANO * 1024_i128.pow(at as u32), true));
    let (scale, binary) = decimal.or_else(binary)?;
    (!number.is_empty()).then_some((number, scale, binary))
}

/// The largest unit that leaves a whole number.
fn print(mut number: i128, factor: i128, suffixes: &[&str]) -> String {
    let mut suffix = 0;
    if number == 0 {
        return "0".to_owned();
    }
    while suffix + 1 < suffixes.len() && number % factor == 0 {
        number /= factor;
        suffix += 1;
    }
    format!("{number}{}", suffixes[suffix])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_printed_as_kubernetes_prints_them() {
        for (given, printed) in [
            ("1", "1"),
            ("1000m", "1"),
            ("1.5", "1500m"),
            ("0.5", "500m"),
            ("0", "0"),
            ("0Mi", "0"),
            ("2048Mi", "2Gi"),
            ("1408Mi", "1408Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("1024", "1024"),
            ("1000", "1k"),
            ("1073741824", "1073741824"),
            ("100M", "100M"),
            ("1e3", "1e3"),
            ("0.0000000001", "1n"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(canonical(&Quantity(given.to_owned())).0, printed, "{given}");
        }
    }

    #[test]
    fn quantities_compare_across_units() {
        let nanos = |text: &str| nanos(&Quantity(text.to_owned()));
        assert!(nanos("500m") < nanos("1"));
        assert!(nanos("1Gi") > nanos("1G"));
        assert_eq!(nanos("1024Mi"), nanos("1Gi"));
        assert_eq!(nanos("1e3"), None);
    }
}
