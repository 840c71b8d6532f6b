//! Verdicts on operator and gateway, by Deployments as `deploy/` writes them.

use serde_json::{Value, json};

use super::super::report::Verdict;
use super::*;

fn deployment(namespace: &str, image: &str, env: &Value, available: &str) -> Deployment {
    let condition = json!({
        "type": "Available", "status": available, "reason": "R", "message": "no pods",
    });
    serde_json::from_value(json!({
        "metadata": {"name": "sparkconnect-operator", "namespace": namespace},
        "spec": {
            "selector": {},
            "template": {"spec": {"containers": [{"name": "operator", "image": image, "env": env}]}},
        },
        "status": {"availableReplicas": 2, "conditions": [condition]},
    }))
    .unwrap()
}

fn cluster_wide() -> Deployment {
    let address = "sparkconnect-gateway.$(POD_NAMESPACE).svc:443";
    let env = json!([{"name": ADDRESS, "value": address}, {"name": CERTIFICATE, "value": "ours"}]);
    deployment("system", "sparkconnect/operator:dev", &env, "True")
}

fn namespaced(namespace: &str) -> Deployment {
    let env = json!([{"name": WATCHED, "value": format!("first,{namespace}")}]);
    deployment(namespace, "sparkconnect/operator:dev", &env, "True")
}

fn denied() -> Error {
    Error::new(Category::PermissionDenied, "no")
}

#[test]
fn the_operator_that_serves_the_namespace_is_found_with_the_gateways_address() {
    let all = Ok(vec![namespaced("other"), cluster_wide()]);
    let (finding, operator) = judge_operator(&all, "team");
    assert_eq!(finding.verdict, Verdict::Well);
    assert!(
        finding
            .message
            .contains("system/sparkconnect-operator has 2"),
        "{finding:?}"
    );
    let expected = Operator {
        namespace: "system".to_owned(),
        gateway: Some("sparkconnect-gateway.system.svc:443".to_owned()),
        certificate: "ours".to_owned(),
    };
    assert_eq!(operator, Some(expected));
    let (finding, operator) = judge_operator(&Ok(vec![namespaced("team")]), "team");
    assert_eq!(finding.verdict, Verdict::Well);
    let operator = operator.unwrap();
    assert_eq!(operator.gateway, None);
    assert_eq!(operator.certificate, OWN_CERTIFICATE);
}

#[test]
fn none_or_two_of_them_are_wrong_and_what_may_not_be_seen_is_not() {
    let verdict = |found| {
        let (finding, _) = judge_operator(&found, "team");
        (finding.verdict, finding.message)
    };
    assert_eq!(verdict(Ok(vec![])).0, Verdict::Wrong);
    let (wrong, text) = verdict(Ok(vec![namespaced("other")]));
    assert_eq!(wrong, Verdict::Wrong);
    assert!(text.contains("those in other serve others"), "{text}");
    let (wrong, text) = verdict(Ok(vec![cluster_wide(), namespaced("team")]));
    assert_eq!(wrong, Verdict::Wrong);
    assert!(
        text.contains("served twice, from system and team"),
        "{text}"
    );
    assert_eq!(verdict(Err(denied())).0, Verdict::Skipped);
}

#[test]
fn one_that_is_not_available_says_why() {
    let down = deployment("system", "i", &json!([]), "False");
    let (finding, operator) = judge_operator(&Ok(vec![down]), "team");
    assert_eq!(finding.verdict, Verdict::Wrong);
    assert!(finding.message.contains("no pods"), "{finding:?}");
    assert!(operator.is_some());
}

#[test]
fn another_version_is_to_be_looked_at_where_one_is_told() {
    for (told, other) in [
        ("version 99.1.0", true),
        ("image registry/operator:v99.1.0", true),
        (concat!("version ", env!("CARGO_PKG_VERSION")), false),
        ("image sparkconnect/operator:dev", false),
        ("image registry:5000/operator", false),
    ] {
        assert_eq!(other_version(told), other, "{told}");
    }
}

#[test]
fn the_gateway_is_where_the_operator_has_its_address() {
    let with = |gateway: Option<&str>| Operator {
        namespace: "system".to_owned(),
        gateway: gateway.map(str::to_owned),
        certificate: OWN_CERTIFICATE.to_owned(),
    };
    let there = Ok(vec![cluster_wide()]);
    assert_eq!(
        judge_gateway(&there, &with(Some("gw:443"))).verdict,
        Verdict::Well
    );
    let absent = judge_gateway(&Ok(vec![]), &with(Some("gw:443")));
    assert_eq!(absent.verdict, Verdict::Wrong);
    assert!(absent.message.contains("gw:443"), "{absent:?}");
    let without = judge_gateway(&Ok(vec![]), &with(None));
    assert_eq!(without.verdict, Verdict::Doubtful);
}
