//! Where sessions' URLs lead, by the operator's settings or by a session. Pure.

use http::uri::Authority;
use kube::ResourceExt;
use sparkconnect_api::SparkSession;
use sparkconnect_api::condition::{self, ACCESS_ENFORCED};

use super::super::programs::Operator;
use super::super::report::Finding;

/// What it is called.
pub(super) const CHECK: &str = "gateway address";

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Host name or address; an IPv6 address without brackets.
    pub(super) host: String,
    /// Port.
    pub(super) port: u16,
}

/// The address, where there is one, and what is to be thought of it.
pub(super) fn judge(
    operator: Option<&Operator>,
    sessions: &[SparkSession],
) -> (Finding, Option<Address>) {
    let (text, from) = match operator {
        Some(Operator { gateway: None, .. }) => {
            return (
                Finding::skipped(CHECK, "the operator works without a gateway"),
                None,
            );
        }
        Some(Operator {
            gateway: Some(address),
            ..
        }) => (address.clone(), "by the operator's settings".to_owned()),
        None => match sessions.iter().find_map(of_session) {
            Some((name, address)) => (address, format!("by session {name}")),
            None => {
                let text =
                    "it is not known: you may not see the operator, and no session here has one";
                return (Finding::skipped(CHECK, text), None);
            }
        },
    };
    match parse(&text) {
        Some(address) => {
            let text = format!("sessions' URLs lead to {text}, {from}");
            (Finding::well(CHECK, text), Some(address))
        }
        None => {
            let text = format!("`{text}`, {from}, is not HOST:PORT");
            let finding = Finding::wrong(CHECK, text)
                .cure("set the operator's SPARKCONNECT_GATEWAY_ADDRESS to the gateway's HOST:PORT");
            (finding, None)
        }
    }
}

/// A session that is reached through a gateway, and where.
fn of_session(session: &SparkSession) -> Option<(String, String)> {
    let status = session.status.as_ref()?;
    if !condition::is_true(&status.conditions, ACCESS_ENFORCED) {
        return None;
    }
    let (authority, _) = status
        .url
        .as_deref()?
        .strip_prefix("sc://")?
        .split_once('/')?;
    Some((session.name_any(), authority.to_owned()))
}

fn parse(text: &str) -> Option<Address> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16()?;
    Some(Address { host, port })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::report::Verdict;
    use super::*;

    fn session(enforced: &str) -> SparkSession {
        let condition = json!({
            "type": "AccessEnforced", "status": enforced, "reason": "R", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1",
            "kind": "SparkSession",
            "metadata": {"name": "ada"},
            "spec": {"server": "demo"},
            "status": {"url": "sc://[2001:db8::1]:8443/;session_id=1", "conditions": [condition]},
        }))
        .unwrap()
    }

    fn operator(gateway: Option<&str>) -> Operator {
        Operator {
            namespace: "system".to_owned(),
            gateway: gateway.map(str::to_owned),
            certificate: "sparkconnect-gateway-tls".to_owned(),
        }
    }

    #[test]
    fn the_operator_tells_it_and_else_a_session() {
        let (finding, address) = judge(Some(&operator(Some("gw.system.svc:443"))), &[]);
        assert_eq!(finding.verdict, Verdict::Well);
        let expected = Address {
            host: "gw.system.svc".to_owned(),
            port: 443,
        };
        assert_eq!(address, Some(expected));
        let (finding, address) = judge(None, &[session("True")]);
        assert!(finding.message.ends_with("by session ada"), "{finding:?}");
        let expected = Address {
            host: "2001:db8::1".to_owned(),
            port: 8443,
        };
        assert_eq!(address, Some(expected));
    }

    #[test]
    fn without_one_nothing_more_is_looked_at() {
        for (operator, sessions) in [
            (Some(operator(None)), vec![]),
            (None, vec![]),
            (None, vec![session("False")]),
        ] {
            let (finding, address) = judge(operator.as_ref(), &sessions);
            assert_eq!((finding.verdict, address), (Verdict::Skipped, None));
        }
        let (finding, address) = judge(Some(&operator(Some("gateway"))), &[]);
        assert_eq!((finding.verdict, address), (Verdict::Wrong, None));
    }
}
