//! What the chart refuses, and in what words.

use crate::rendered::HELM;

/// Values, and what is said of them.
const WRONG: &[(&str, &str)] = &[
    (
        "operator.replica=2",
        "at '/operator': additional properties 'replica' not allowed",
    ),
    (
        "gatway.enabled=true",
        "at '': additional properties 'gatway' not allowed",
    ),
    (
        "gateway.limits.maxConnection=1",
        "at '/gateway/limits': additional properties 'maxConnection' not allowed",
    ),
    (
        "operator.resources.request.cpu=1",
        "at '/operator/resources': additional properties 'request' not allowed",
    ),
    (
        "operator.replicas=-1",
        "at '/operator/replicas': minimum: got -1, want 0",
    ),
    (
        "operator.replicas=two",
        "at '/operator/replicas': got string, want integer",
    ),
    (
        "image.pullPolicy=always",
        "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'",
    ),
    (
        "log.format=xml",
        "at '/log/format': value must be one of 'json', 'text'",
    ),
    ("gateway.address=spark.example.com", "at '/gateway/address'"),
    (
        "gateway.address=https://spark.example.com:443",
        "at '/gateway/address'",
    ),
    (
        "gateway.limits.idleTimeout=soon",
        "at '/gateway/limits/idleTimeout'",
    ),
    (
        "gateway.limits.idleTimeout=0s",
        "at '/gateway/limits/idleTimeout'",
    ),
    (
        "gateway.limits.connectTimeout=500ms",
        "at '/gateway/limits/connectTimeout'",
    ),
    (
        "gateway.limits.maxConnectionAge=1d",
        "at '/gateway/limits/maxConnectionAge'",
    ),
    (
        "gateway.limits.maxConnectionAge=1m1h",
        "at '/gateway/limits/maxConnectionAge'",
    ),
    (
        "gateway.oidc.issuer=http://i.example",
        "at '/gateway/oidc/issuer'",
    ),
    (
        "gateway.image.digest=sha256:0",
        "at '/gateway/image/digest'",
    ),
    (
        "tracing.sampleRatio=2",
        "at '/tracing/sampleRatio': maximum: got 2, want 1",
    ),
    (
        "watchNamespaces={a,b,a}",
        "at '/watchNamespaces': items at 0 and 2 are equal",
    ),
    ("watchNamespaces={A}", "at '/watchNamespaces/0'"),
    (
        "gateway.oidc.issuer=https://i.example",
        "gateway.oidc.issuer needs gateway.oidc.audience",
    ),
    (
        "gateway.oidc.audience=spark",
        "gateway.oidc.audience needs gateway.oidc.issuer",
    ),
    (
        "gateway.oidc.groupsPrefix=a:",
        "gateway.oidc.groupsPrefix needs gateway.oidc.groupsClaim",
    ),
    (
        "gateway.ingress.enabled=true",
        "gateway.ingress needs gateway.address, as in spark.example.com:443",
    ),
    (
        "gateway.ingress.enabled=true,gateway.address=192.0.2.1:443",
        "gateway.ingress needs host names of its own: gateway.address is 192.0.2.1",
    ),
    (
        "commonLabels.app\\.kubernetes\\.io/name=a",
        // Helm's library names another value here, as it comes to it.
        "invalid propertyName 'app.kubernetes.io/name'",
    ),
    (
        "gateway.tlsRoute.enabled=true,gateway.address=a:1",
        "gateway.tlsRoute needs parentRefs",
    ),
    (
        "gateway.grpcRoute.enabled=true,gateway.address=a:1",
        "gateway.grpcRoute needs parentRefs",
    ),
    (
        "gateway.grpcRoute.enabled=true,gateway.address=a:1,gateway.grpcRoute.parentRefs[0].name=a",
        "gateway.grpcRoute needs caConfigMap",
    ),
    (
        "gateway.tls.certManager.enabled=true",
        "gateway.tls.certManager needs issuerRef",
    ),
    (
        "gateway.tls.certManager.enabled=true,gateway.tls.existingSecret=a",
        "exclude each other",
    ),
];

#[test]
fn a_wrong_value_is_told_with_its_place() {
    for (args, told) in WRONG {
        let refused = HELM.template("ns", &[&format!("--set={args}")]);
        let refused = refused.expect_err(args).to_string();
        assert!(refused.contains(told), "{args}: {refused}");
    }
}

#[test]
fn a_chart_that_depends_on_this_one_may_share_values_and_have_a_condition() {
    for args in ["global.cluster=a", "enabled=true"] {
        let rendered = HELM.template("ns", &[&format!("--set={args}")]);
        rendered.unwrap_or_else(|error| panic!("{args}: {error}"));
    }
}
