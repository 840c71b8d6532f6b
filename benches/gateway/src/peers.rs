//! The other proxies: their configuration, as `peers/` has it, and how each is started. Installs them, writes files.

use std::path::{Path, PathBuf};
use std::process::Command;

use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Error, Result, comparators};

use crate::place::Place;
use crate::proxy::{Name, Proxy};

/// Envoy of the package registry.
///
/// # Errors
/// When it cannot be had.
pub fn envoy(place: &Place) -> Result<Proxy> {
    let file = write(place, "envoy.yaml", include_str!("../peers/envoy.yaml"))?;
    let program = comparators::envoy()?;
    let version = version(&program, "--version")?;
    let label = format!("envoy {}", envoy_version(&version));
    let mut args = words(&["--concurrency", "1", "--disable-hot-restart"]);
    args.extend(words(&["--log-level", "warn", "--config-path", &file]));
    Ok(proxy(place, Name::Envoy, &label, program, args))
}

/// HAProxy of the operating system.
///
/// # Errors
/// When it cannot be had.
pub fn haproxy(place: &Place) -> Result<Proxy> {
    let file = write(place, "haproxy.cfg", include_str!("../peers/haproxy.cfg"))?;
    let program = comparators::haproxy()?;
    let label = labelled("haproxy", &version(&program, "-v")?);
    let args = words(&["-db", "-f", &file]);
    Ok(proxy(place, Name::Haproxy, &label, program, args))
}

/// nginx of the operating system.
///
/// # Errors
/// When it cannot be had.
pub fn nginx(place: &Place) -> Result<Proxy> {
    let file = write(place, "nginx.conf", include_str!("../peers/nginx.conf"))?;
    let program = comparators::nginx()?;
    let label = labelled("nginx", &version(&program, "-v")?);
    let args = words(&["-c", &file]);
    Ok(proxy(place, Name::Nginx, &label, program, args))
}

/// nghttpx of the operating system.
///
/// # Errors
/// When it cannot be had.
pub fn nghttpx(place: &Place) -> Result<Proxy> {
    let file = write(place, "nghttpx.conf", include_str!("../peers/nghttpx.conf"))?;
    let program = comparators::nghttpx()?;
    let label = labelled("nghttpx", &version(&program, "--version")?);
    let args = words(&["--conf", &file]);
    Ok(proxy(place, Name::Nghttpx, &label, program, args))
}

/// The least that hyper can do, which `program`, the benchmark's own, does when it is told to.
///
/// # Errors
/// When the workspace has no `Cargo.lock`.
pub fn floor(place: &Place, program: PathBuf) -> Result<Proxy> {
    let lock = repository().join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock).context(|| format!("reading {}", lock.display()))?;
    let version = lock.split_once("name = \"hyper\"\nversion = \"");
    let version = version.and_then(|(_, rest)| rest.split('"').next());
    let label = format!("floor (hyper {})", version.unwrap_or("of unknown version"));
    let mut args = words(&["floor", "--folder", &place.folder().display().to_string()]);
    for (name, address) in [
        ("--plain", place.plain()),
        ("--tls", place.tls()),
        ("--backend", place.backend()),
    ] {
        args.extend([name.to_owned(), address.to_string()]);
    }
    Ok(proxy(place, Name::Floor, &label, program, args))
}

fn proxy(place: &Place, name: Name, label: &str, program: PathBuf, args: Vec<String>) -> Proxy {
    Proxy {
        name,
        label: label.to_owned(),
        program,
        args,
        env: vec![],
        plain: true,
        log: place.folder().join(format!("{name:?}.log")),
    }
}

/// Writes a configuration with the addresses of `place`.
fn write(place: &Place, name: &str, template: &str) -> Result<String> {
    let path = place.folder().join(name);
    let text = filled(place, template);
    std::fs::write(&path, text).context(|| format!("writing {}", path.display()))?;
    Ok(path.display().to_string())
}

fn filled(place: &Place, template: &str) -> String {
    let (plain, tls, backend) = (place.plain(), place.tls(), place.backend());
    // The longer names first: some begin with others.
    let values = [
        ("BACKEND_ADDRESS", backend.ip().to_string()),
        ("BACKEND_PORT", backend.port().to_string()),
        ("PLAIN_PORT", plain.port().to_string()),
        ("TLS_PORT", tls.port().to_string()),
        ("BACKEND", backend.to_string()),
        ("ADDRESS", plain.ip().to_string()),
        ("FOLDER", place.folder().display().to_string()),
        ("bind PLAIN", format!("bind {plain}")),
        ("bind TLS", format!("bind {tls}")),
        ("listen PLAIN", format!("listen {plain}")),
        ("listen TLS", format!("listen {tls}")),
    ];
    let fill = |text: String, (name, value): &(&str, String)| text.replace(name, value);
    values.iter().fold(template.to_owned(), fill)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// What the program says of its version, on either stream.
fn version(program: &Path, flag: &str) -> Result<String> {
    let output = Command::new(program).arg(flag).output();
    let output = output.context(|| format!("starting {}", program.display()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    if text.is_empty() {
        return Err(Error::new(format!(
            "{} tells no version",
            program.display()
        )));
    }
    Ok(text)
}

/// The number in `PATH  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
fn envoy_version(said: &str) -> &str {
    let parts = said.split_once("version:").map(|(_, parts)| parts);
    let number = parts.and_then(|parts| parts.split('/').nth(1));
    number.unwrap_or("of unknown version")
}

/// The name and the first number with a dot in what a program says of its version.
fn labelled(name: &str, said: &str) -> String {
    let mut words = said.split(|c: char| c != '.' && !c.is_ascii_digit());
    let number = words.find(|word| word.contains('.') && word.starts_with(|c: char| c != '.'));
    format!("{name} {}", number.unwrap_or("of unknown version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (name, said, label) in [
            ("nginx", "nginx version: nginx/1.22.1", "nginx 1.22.1"),
            ("nghttpx", "nghttpx nghttp2/1.52.0", "nghttpx 1.52.0"),
            (
                "haproxy",
                "HAProxy version 2.6.12-1+deb12u4 2025/10/03 - https://haproxy.org/",
                "haproxy 2.6.12",
            ),
        ] {
            assert_eq!(labelled(name, said), label);
        }
        let said = "/a/b/envoy  version: 8f6a/1.40.0/Clean/RELEASE/BoringSSL";
        assert_eq!(envoy_version(said), "1.40.0");
    }

    #[test]
    fn nothing_of_a_configuration_is_left_open() {
        let place = Place::new().unwrap();
        for template in [
            include_str!("../peers/envoy.yaml"),
            include_str!("../peers/haproxy.cfg"),
            include_str!("../peers/nghttpx.conf"),
            include_str!("../peers/nginx.conf"),
        ] {
            let text = filled(&place, template);
            for open in ["ADDRESS", "BACKEND", "PORT", "FOLDER", "PLAIN"] {
                assert!(!text.contains(open), "{open} is left in {text}");
            }
            assert!(text.contains(&place.backend().port().to_string()), "{text}");
        }
    }
}
