//! A real issuer of the test's own, over HTTPS: discovery, its keys' rotation, how often it is asked, what it may not answer.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use sparkconnect_testkit::pki::Authority;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fixtures::{AUDIENCE, NOW, Signer, claims};
use super::{OidcError, OidcSettings, Person, Provider};

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// What the issuer answers, and what it was asked.
#[derive(Debug, Default)]
struct Book {
    discovery: Value,
    keys: String,
    /// In place of `200`, with a place to look instead.
    redirect: Option<String>,
    max_age: Option<u64>,
    away: bool,
    asked: Vec<String>,
}

struct World {
    url: String,
    book: Arc<Mutex<Book>>,
    authority: Authority,
    folder: TempDir,
    _serving: JoinSet<()>,
}

#[derive(Debug, clap::Parser)]
struct Program {
    #[command(flatten)]
    oidc: OidcSettings,
}

fn tls(authority: &Authority) -> TlsAcceptor {
    let credentials = authority.server("issuer", &[], &["127.0.0.1"]).unwrap();
    let chain = CertificateDer::pem_slice_iter(credentials.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes()).unwrap();
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn world(keys: &[&Signer]) -> World {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let authority = Authority::new("issuer").unwrap();
    let (tls, book) = (tls(&authority), Arc::<Mutex<Book>>::default());
    let shown = Arc::clone(&book);
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(serve(stream, tls.clone(), Arc::clone(&shown)));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let world = World {
        url,
        book,
        authority,
        folder,
        _serving: serving,
    };
    world.discover(json!({"issuer": world.url, "jwks_uri": format!("{}/keys", world.url)}));
    world.show(keys);
    world
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, book: Arc<Mutex<Book>>) {
    if book.lock().unwrap().away {
        return;
    }
    // A client that does not trust the certificate ends the handshake.
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let service = service_fn(|request: Request<Incoming>| {
        let answer = answer(&mut book.lock().unwrap(), request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    // One that has heard enough goes away.
    let _gone = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn answer(book: &mut Book, path: &str) -> Response<Full<Bytes>> {
    book.asked.push(path.to_owned());
    let mut answer = Response::builder();
    if let Some(age) = book.max_age {
        answer = answer.header(header::CACHE_CONTROL, format!("public, max-age={age}"));
    }
    let body = match path {
        DISCOVERY => book.discovery.to_string(),
        _ => book.keys.clone(),
    };
    if let Some(place) = book.redirect.as_ref().filter(|_| path != DISCOVERY) {
        answer = answer.status(302).header(header::LOCATION, place);
    }
    answer.body(Full::from(body)).unwrap()
}

impl World {
    fn discover(&self, document: Value) {
        self.book.lock().unwrap().discovery = document;
    }

    fn show(&self, keys: &[&Signer]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        self.book.lock().unwrap().keys = json!({ "keys": keys }).to_string();
    }

    /// How often it was asked for its keys.
    fn asked(&self) -> usize {
        let book = self.book.lock().unwrap();
        book.asked.iter().filter(|path| *path == "/keys").count()
    }

    fn provider(&self) -> Provider {
        self.provider_trusting(&self.authority)
    }

    fn provider_trusting(&self, authority: &Authority) -> Provider {
        let path = self.folder.path().join("ca.crt");
        std::fs::write(&path, authority.certificate()).unwrap();
        let args = [
            "program".to_owned(),
            format!("--oidc-issuer={}", self.url),
            format!("--oidc-audience={AUDIENCE}"),
            format!("--oidc-ca-file={}", path.display()),
        ];
        let program: Program = clap::Parser::try_parse_from(args).unwrap();
        program.oidc.provider().unwrap().unwrap()
    }

    /// A token that is good for two days.
    fn token(&self, signer: &Signer) -> String {
        signer.sign(&claims(&self.url, &json!({"exp": NOW + 300_000})))
    }
}

async fn verify(provider: &Provider, token: &str, second: i64) -> Result<Person, OidcError> {
    let now = Timestamp::from_second(NOW + second).unwrap();
    provider.verify_at(token, now).await
}

#[track_caller]
fn refused(result: &Result<Person, OidcError>) {
    assert!(
        matches!(result, Err(OidcError::Refused { .. })),
        "{result:?}"
    );
}

#[track_caller]
fn unavailable(result: &Result<Person, OidcError>, told: &str) {
    match result {
        Err(OidcError::Unavailable { why }) => {
            assert!(why.contains(told) && why.len() < 500, "{why:.1000}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn keys_are_asked_for_once_and_at_the_first_token() {
    let signer = Signer::rsa("a");
    let world = world(&[&signer]).await;
    let provider = world.provider();
    assert_eq!(world.asked(), 0);
    let tokens: Vec<String> = (0..20)
        .map(|number| signer.sign(&claims(&world.url, &json!({"jti": number}))))
        .collect();
    let verified = join_all(tokens.iter().map(|token| verify(&provider, token, 0))).await;
    for person in verified {
        assert_eq!(person.unwrap().user, format!("{}#ada", world.url));
    }
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn new_keys_are_found_and_old_ones_go() {
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let world = world(&[&old]).await;
    let provider = world.provider();
    verify(&provider, &world.token(&old), 0).await.unwrap();
    world.show(&[&new]);
    refused(&verify(&provider, &world.token(&new), 29).await);
    verify(&provider, &world.token(&new), 30).await.unwrap();
    assert_eq!(world.asked(), 2);
    refused(&verify(&provider, &world.token(&old), 60).await);
}

#[tokio::test]
async fn unknown_keys_make_no_flood_of_requests() {
    let (known, strange) = (Signer::ec("a"), Signer::ec("b"));
    let world = world(&[&known]).await;
    let provider = world.provider();
    verify(&provider, &world.token(&known), 0).await.unwrap();
    let tokens: Vec<String> = (0..100)
        .map(|number| {
            let mut header = strange.header();
            header.kid = Some(format!("strange-{number}"));
            strange.sign_as(&header, &claims(&world.url, &json!({})))
        })
        .collect();
    for second in [1, 31] {
        let verified = join_all(tokens.iter().map(|token| verify(&provider, token, second))).await;
        verified.iter().for_each(refused);
    }
    assert_eq!(world.asked(), 2, "once at first, once for all unknown ones");
}

#[tokio::test]
async fn known_keys_outlast_an_issuer_that_is_away_but_not_for_ever() {
    const DAY: i64 = 24 * 60 * 60;
    const HOUR: i64 = 60 * 60;
    let (known, new) = (Signer::ec("a"), Signer::ec("b"));
    let world = world(&[&known]).await;
    let provider = world.provider();
    let token = world.token(&known);
    verify(&provider, &token, 0).await.unwrap();
    world.book.lock().unwrap().away = true;
    verify(&provider, &token, HOUR).await.unwrap();
    unavailable(
        &verify(&provider, &world.token(&new), HOUR + 1).await,
        "no connection",
    );
    verify(&provider, &token, HOUR + DAY - 1).await.unwrap();
    unavailable(
        &verify(&provider, &token, HOUR + DAY + 60).await,
        &world.url,
    );
    world.book.lock().unwrap().away = false;
    verify(&provider, &token, HOUR + DAY + 120).await.unwrap();
}

#[tokio::test]
async fn keys_are_as_old_as_their_issuer_says_within_bounds() {
    for (told, kept) in [
        (None, 3600),
        (Some(1), 300),
        (Some(7200), 7200),
        (Some(1 << 40), 86400),
    ] {
        let signer = Signer::ec("a");
        let world = world(&[&signer]).await;
        world.book.lock().unwrap().max_age = told;
        let provider = world.provider();
        let token = world.token(&signer);
        for (second, asked) in [(0, 1), (kept - 1, 1), (kept + 60, 2)] {
            verify(&provider, &token, second).await.unwrap();
            assert_eq!(world.asked(), asked, "{told:?} at {second} s");
        }
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_keep_the_keys_from_others() {
    let signer = Signer::ec("a");
    let world = world(&[&signer]).await;
    let provider = world.provider();
    let token = world.token(&signer);
    {
        let mut gone = Box::pin(verify(&provider, &token, 0));
        assert!(futures::poll!(gone.as_mut()).is_pending());
    }
    verify(&provider, &token, 1).await.unwrap();
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn what_an_issuer_may_not_answer() {
    let signer = Signer::ec("a");
    let world = world(&[&signer]).await;
    let good = world.book.lock().unwrap().discovery.clone();
    let with = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        document
    };
    let other = with("issuer", json!(format!("{}/", world.url)));
    let insecure = with("jwks_uri", json!(world.url.replace("https", "http")));
    for (document, told) in [
        (other, "another `issuer`"),
        (insecure, "`jwks_uri`"),
        (json!({}), "cannot be read"),
        (json!("x".repeat(10_000)), "cannot be read"),
        (json!("x".repeat(super::fetch::LONGEST)), "longer than"),
    ] {
        world.discover(document);
        unavailable(
            &verify(&world.provider(), &world.token(&signer), 0).await,
            told,
        );
    }
    world.discover(good);
    for (keys, told) in [
        ("{}", "cannot be read"),
        (r#"{"keys": []}"#, "no key"),
        (
            r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}"#,
            "no key",
        ),
    ] {
        keys.clone_into(&mut world.book.lock().unwrap().keys);
        unavailable(
            &verify(&world.provider(), &world.token(&signer), 0).await,
            told,
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let signer = Signer::ec("a");
    let (first, second) = (world(&[&signer]).await, world(&[&signer]).await);
    for place in [
        format!("{}/keys", second.url),
        format!("{}/others", first.url),
    ] {
        first.book.lock().unwrap().redirect = Some(place);
        unavailable(
            &verify(&first.provider(), &first.token(&signer), 0).await,
            "302",
        );
    }
    assert_eq!(second.asked(), 0);
}

#[tokio::test]
async fn an_issuer_with_a_certificate_of_others_is_not_asked() {
    let signer = Signer::ec("a");
    let world = world(&[&signer]).await;
    let stranger = Authority::new("stranger").unwrap();
    let provider = world.provider_trusting(&stranger);
    unavailable(
        &verify(&provider, &world.token(&signer), 0).await,
        "certificate",
    );
    assert_eq!(world.asked(), 0);
}
