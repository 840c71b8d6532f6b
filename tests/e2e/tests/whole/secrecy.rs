//! Where secret values are not: objects, logs, Spark's own pages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sparkconnect_e2e::{Namespace, http};
use sparkconnect_testkit::install;

use crate::everything::{SECRETS, SERVER, text};

/// Port of Spark's web interface.
const UI_PORT: u16 = 4040;

/// The value itself and its base64.
fn forms(value: &str) -> [String; 2] {
    [value.to_owned(), STANDARD.encode(value)]
}

/// Looks for the value of every Secret, and for the tokens, in all that tells of the server but that Secret itself.
pub(crate) fn secret_values_are_in_their_secrets_only(namespace: &Namespace) {
    // The session's token is for its user, the server's for operator and gateway alone.
    let session = namespace.secret("user-connection", "token");
    let mut values = vec![
        (session, vec!["user-connection"]),
        (server_token(namespace), vec!["everything-driver"]),
    ];
    for (name, key, value) in SECRETS {
        let setting = key.starts_with("spark.") || name == "by-key";
        let driver = setting.then_some("everything-driver");
        let places = std::iter::once(name).chain(driver).collect();
        values.push((value.to_owned(), places));
    }
    let texts = texts(namespace);
    for (value, secrets) in &values {
        for (place, text) in &texts {
            let named = |secret: &&str| *place == format!("Secret {secret}");
            if !secrets.iter().any(named) {
                not_told(
                    value,
                    text,
                    &format!("a value of {secrets:?} is in {place}"),
                );
            }
        }
    }
    let is_secret = |(place, _): &&(String, String)| place.starts_with("Secret ");
    let held = texts.iter().filter(is_secret).count();
    assert!(held > SECRETS.len(), "the search has seen the Secrets");
}

/// Shows where the value is found, without it.
fn not_told(value: &str, text: &str, what: &str) {
    for form in forms(value) {
        let told = text.lines().find(|line| line.contains(&form));
        let masked = told.map(|line| line.replace(&form, "***"));
        assert_eq!(masked, None, "{what}");
    }
}

fn server_token(namespace: &Namespace) -> String {
    let properties = namespace.secret("everything-driver", "spark.properties");
    let mut lines = properties.lines();
    let token = lines.find_map(|line| line.strip_prefix("spark.connect.authenticate.token="));
    token.expect("the server asks for a token").to_owned()
}

/// Everything that somebody without rights to Secrets might read, and the Secrets: where it is, and the text.
fn texts(namespace: &Namespace) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for mut object in namespace.everything() {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        object["metadata"]["managedFields"].take();
        texts.push((format!("{kind} {name}"), object.to_string()));
    }
    let mut pods = namespace.drivers("everything");
    pods.extend(namespace.executors("everything"));
    for pod in &pods {
        let name = text(&pod["metadata"]["name"]);
        let log = namespace.kubectl(&["logs", &name, "--all-containers"]);
        assert!(!log.is_empty(), "{name} has a log");
        texts.push((format!("log of {name}"), log));
    }
    for program in ["operator", "gateway"] {
        let label = format!("-l=app.kubernetes.io/name=sparkconnect-{program}");
        let log = namespace.kubectl(&["-n", install::NAMESPACE, "logs", "--tail=-1", &label]);
        assert!(!log.is_empty(), "the {program} has a log");
        texts.push((format!("log of the {program}"), log));
    }
    let server = namespace.get(SERVER).expect("the server");
    let application = text(&server["status"]["servers"][0]["applicationId"]);
    let address = namespace.address("everything-0");
    let rest = format!("/api/v1/applications/{application}/environment");
    for path in [rest.as_str(), "/environment/", "/connect/"] {
        let page = http::get(&address, UI_PORT, path);
        assert!(page.starts_with("HTTP/1.1 200"), "{path}: {page:.300}");
        texts.push((path.to_owned(), page));
    }
    texts
}
