//! A real API server as an OpenID Connect issuer: it issues the tokens of its service accounts, and shows the keys.

use clap::Parser;
use sparkconnect_gateway::oidc::{OidcError, OidcSettings, Provider};
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::command;

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    oidc: OidcSettings,
}

fn kubectl(server: &ApiServer, args: &[&str]) -> String {
    let answer = command::output(&mut server.kubectl(args)).expect("kubectl");
    answer.trim().to_owned()
}

fn provider(server: &ApiServer) -> Provider {
    let args = [
        "program".to_owned(),
        format!("--oidc-issuer={}", server.url()),
        "--oidc-audience=sparkconnect".to_owned(),
        format!(
            "--oidc-ca-file={}",
            server.folder().join("ca.crt").display()
        ),
    ];
    let program = Program::try_parse_from(args).expect("settings");
    let provider = program.oidc.provider().expect("an issuer");
    provider.expect("an issuer")
}

fn token(server: &ApiServer, audience: &str) -> String {
    let audience = format!("--audience={audience}");
    kubectl(server, &["create", "token", "robot", &audience])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_is_an_issuer() {
    let server = ApiServer::start().expect("an API server");
    kubectl(&server, &["create", "serviceaccount", "robot"]);
    let (good, other) = (token(&server, "sparkconnect"), token(&server, "other"));
    let before = provider(&server);
    assert!(before.issued(&good));
    match before.verify(&good).await {
        Err(OidcError::Unavailable { why }) => assert!(why.contains("403"), "{why}"),
        unexpected => panic!("before anybody may ask for the keys: {unexpected:?}"),
    }
    let public = [
        "create",
        "clusterrolebinding",
        "public-keys",
        "--clusterrole=system:service-account-issuer-discovery",
        "--group=system:unauthenticated",
    ];
    kubectl(&server, &public);
    let provider = provider(&server);
    let person = provider.verify(&good).await.expect("a person");
    let user = format!("{}#system:serviceaccount:default:robot", server.url());
    assert_eq!(person.user, user);
    assert_eq!(person.groups, Vec::<String>::new());
    match provider.verify(&other).await {
        Err(OidcError::Refused { why }) => assert!(why.contains("`aud`"), "{why}"),
        unexpected => panic!("for another audience: {unexpected:?}"),
    }
}
