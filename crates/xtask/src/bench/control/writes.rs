//! How often the API server was written to, by its own counters. Does I/O through kubectl.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use sparkconnect_testkit::Result;
use sparkconnect_testkit::install::Kubectl;

/// What the operator writes. Pods, leases and the like are written by Kubernetes itself all the time.
const RESOURCES: &[&str] = &[
    "configmaps",
    "events",
    "networkpolicies",
    "poddisruptionbudgets",
    "rolebindings",
    "roles",
    "secrets",
    "serviceaccounts",
    "services",
    "sparkconnectservers",
    "sparksessions",
    "statefulsets",
];
/// Verbs that write.
const VERBS: &[&str] = &["POST", "PUT", "PATCH", "APPLY", "DELETE"];

/// Writes by resource, subresource and verb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Writes(BTreeMap<String, u64>);

impl Writes {
    /// All of them.
    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

impl fmt::Display for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|(what, n)| format!("{what} {n}"))
            .collect();
        f.write_str(if parts.is_empty() { "none" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// The counters as they are.
pub(super) fn count(kubectl: &Kubectl) -> Result<Writes> {
    Ok(parse(&kubectl.run(&["get", "--raw", "/metrics"])?))
}

/// What came between two counts.
pub(super) fn difference(before: &Writes, after: &Writes) -> Writes {
    let more = |(what, n): (&String, &u64)| {
        let new = n - before.0.get(what).copied().unwrap_or(0);
        (new > 0).then(|| (what.clone(), new))
    };
    Writes(after.0.iter().filter_map(more).collect())
}

/// Waits until nothing was written for some seconds.
pub(super) fn settle(kubectl: &Kubectl) -> Result<()> {
    let mut before = count(kubectl)?;
    for _ in 0..30 {
        std::thread::sleep(Duration::from_secs(4));
        let after = count(kubectl)?;
        if after == before {
            break;
        }
        before = after;
    }
    Ok(())
}

fn parse(metrics: &str) -> Writes {
    let mut writes = Writes::default();
    for line in metrics
        .lines()
        .filter(|line| line.starts_with("apiserver_request_total{"))
    {
        let label = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let (Some(resource), Some(verb)) = (label(",resource"), label(",verb")) else {
            continue;
        };
        let value = line
            .rsplit(' ')
            .next()
            .and_then(|value| value.parse::<u64>().ok());
        if RESOURCES.contains(&resource) && VERBS.contains(&verb) {
            let sub = label("subresource")
                .filter(|sub| !sub.is_empty())
                .map(|sub| format!("/{sub}"));
            let what = format!("{verb} {resource}{}", sub.unwrap_or_default());
            *writes.0.entry(what).or_default() += value.unwrap_or(0);
        }
    }
    writes
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"
apiserver_request_total{code="200",component="apiserver",dry_run="",group="sparkconnect.dev",resource="sparksessions",scope="resource",subresource="status",verb="APPLY",version="v1alpha1"} 3
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="LIST",version="v1"} 9
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 7
"#;

    #[test]
    fn only_writes_of_what_the_operator_writes_count() {
        let writes = parse(METRICS);
        assert_eq!(writes.to_string(), "APPLY sparksessions/status 3");
        assert_eq!(difference(&writes, &writes).total(), 0);
        assert_eq!(difference(&Writes::default(), &writes).total(), 3);
    }
}
