//! The way to the gateway from here: its name looked up, its port tried, or a port forwarded to it. Does I/O.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kube::Client;
use sparkconnect_client::Error;
use sparkconnect_client::forward::{Forward, Target};
use tokio::net::{TcpStream, lookup_host};

use super::super::report::Finding;
use super::super::rights::{self, FORWARD, Right};
use super::address::Address;

const NAME: &str = "gateway name";
const PORT: &str = "gateway port";

/// Longest wait for a name, and for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the gateway is reached.
#[derive(Debug)]
pub(super) enum Way {
    /// By its own address.
    Straight,
    /// By a port of this machine, for as long as this value lives.
    Forwarded(Forward),
}

/// What was seen on the way, and the way if there is one.
pub(super) async fn find(client: &Client, address: &Address) -> (Vec<Finding>, Option<Way>) {
    let target = Target::of(&address.host, address.port);
    let found = resolved(address).await;
    let named = judge_name(&found, address, target.is_some());
    let mut findings = vec![named];
    if found.is_ok() {
        let connected = connected(address).await;
        if connected.is_ok() || target.is_none() {
            findings.push(judge_port(&connected, address));
            return (findings, connected.is_ok().then_some(Way::Straight));
        }
    }
    let Some(target) = target else {
        return (findings, None);
    };
    let missing = rights::missing(client, &target.namespace, &FORWARD).await;
    let forwarded = match &missing {
        Ok(missing) if missing.is_empty() => {
            Some(Forward::open(client.clone(), target.clone()).await)
        }
        _ => None,
    };
    let finding = judge_forward(&missing, forwarded.as_ref(), &target);
    findings.push(finding);
    let way = forwarded.and_then(Result::ok).map(Way::Forwarded);
    (findings, way)
}

async fn within<T>(asked: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer in {} s", PATIENCE.as_secs()),
        )),
    }
}

async fn resolved(address: &Address) -> io::Result<Vec<IpAddr>> {
    let host = (address.host.as_str(), address.port);
    let found = within(lookup_host(host)).await?;
    let mut found: Vec<_> = found.map(|address: SocketAddr| address.ip()).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

async fn connected(address: &Address) -> io::Result<()> {
    within(TcpStream::connect((address.host.as_str(), address.port)))
        .await
        .map(drop)
}

fn judge_name(found: &io::Result<Vec<IpAddr>>, address: &Address, of_cluster: bool) -> Finding {
    let host = &address.host;
    match found {
        Ok(found) => {
            let found: Vec<_> = found.iter().map(IpAddr::to_string).collect();
            Finding::well(NAME, format!("{host} is {}", found.join(", ")))
        }
        Err(_) if of_cluster => {
            let text =
                format!("{host} is a name of the cluster, which this machine cannot look up");
            Finding::skipped(NAME, text)
        }
        Err(error) => Finding::wrong(NAME, format!("{host} cannot be looked up: {error}")).cure(
            "enter it in the DNS that this machine asks, or give the operator a name that is there",
        ),
    }
}

fn judge_port(connected: &io::Result<()>, address: &Address) -> Finding {
    let Address { host, port } = address;
    match connected {
        Ok(()) => Finding::well(PORT, format!("{host} takes connections at port {port}")),
        Err(error) => {
            let text = format!("{host} takes no connection at port {port}: {error}");
            Finding::wrong(PORT, text).cure(
                "see that the gateway's Service has a way in from here (load balancer, TLS route), and no firewall is between",
            )
        }
    }
}

fn judge_forward(
    missing: &Result<Vec<Right>, Error>,
    forwarded: Option<&Result<Forward, Error>>,
    target: &Target,
) -> Finding {
    let outside =
        "or give the gateway an address that is reached from here: `deploy/README.md` says how";
    match (missing, forwarded) {
        (Err(error), _) => Finding::failed(PORT, error),
        (Ok(_), Some(Err(error))) => Finding::failed(PORT, error)
            .cure("a port can be forwarded only to a pod that is ready: see what is said of the gateway above"),
        (Ok(_), Some(Ok(_))) => {
            let text = format!("a port that the client forwards leads to {target}");
            Finding::well(PORT, text)
        }
        (Ok(missing), None) => {
            let (namespace, missing) = (&target.namespace, rights::listed(missing));
            let text = format!(
                "it is reached within the cluster alone, and you may not have a port forwarded: in namespace {namespace} you may not {missing}"
            );
            Finding::wrong(PORT, text).cure(format!("an administrator can grant that; {outside}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::report::Verdict;
    use super::*;

    fn address() -> Address {
        Address {
            host: "gw.example.com".to_owned(),
            port: 443,
        }
    }

    fn no<T>() -> io::Result<T> {
        Err(io::Error::other("no"))
    }

    #[test]
    fn a_name_of_the_cluster_need_not_be_known_here() {
        let found = Ok(vec!["198.18.0.1".parse().unwrap()]);
        let well = judge_name(&found, &address(), false);
        assert_eq!(
            (well.verdict, well.message.as_str()),
            (Verdict::Well, "gw.example.com is 198.18.0.1")
        );
        assert_eq!(
            judge_name(&no(), &address(), true).verdict,
            Verdict::Skipped
        );
        assert_eq!(judge_name(&no(), &address(), false).verdict, Verdict::Wrong);
    }

    #[test]
    fn a_closed_port_is_wrong() {
        assert_eq!(judge_port(&Ok(()), &address()).verdict, Verdict::Well);
        let closed = judge_port(&no(), &address());
        assert_eq!(closed.verdict, Verdict::Wrong);
        assert!(closed.message.contains("port 443: no"), "{closed:?}");
    }

    #[test]
    fn who_may_not_forward_is_told_what_is_missing() {
        let target = Target::of("gw.system.svc", 443).unwrap();
        let missing = Ok(vec![FORWARD[3]]);
        let finding = judge_forward(&missing, None, &target);
        assert_eq!(finding.verdict, Verdict::Wrong);
        assert!(
            finding
                .message
                .contains("in namespace system you may not create pods/portforward"),
            "{finding:?}"
        );
    }

    #[tokio::test]
    async fn this_machine_is_found() {
        let here = Address {
            host: "127.0.0.1".to_owned(),
            port: 1,
        };
        let found = resolved(&here).await;
        assert_eq!(found.unwrap(), [IpAddr::from([127, 0, 0, 1])]);
    }
}
