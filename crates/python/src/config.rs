//! A client's configuration as the package writes it. Reads the certificates that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use sparkconnect_client::connect::{ConnectBackend, ConnectConfig};
use sparkconnect_client::kubernetes::KubernetesConfig;
use sparkconnect_client::livy::{BasicAuth, LivyBackend, LivyConfig};
use sparkconnect_client::operators::{Flavour, OperatorBackend, OperatorConfig};
use sparkconnect_client::sessions::{Reach, SessionBackend, SessionConfig};
use sparkconnect_client::{Category, Error, SparkClient};
use sparkconnect_spark::Token;

/// Which back end, and how it is reached.
#[derive(Deserialize)]
#[serde(tag = "backend", content = "options", rename_all = "lowercase")]
pub(crate) enum Config {
    Session(SessionOptions),
    Connect(Box<ConnectOptions>),
    Operator(OperatorOptions),
    Livy(LivyOptions),
}

#[derive(Deserialize)]
pub(crate) struct SessionOptions {
    namespace: Option<String>,
    server: Option<String>,
    reach: String,
    timeout: f64,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct ConnectOptions {
    connect_url: String,
    token: Option<Secret>,
    use_ssl: Option<bool>,
    ca: Option<PathBuf>,
    server_name: Option<String>,
    user_id: Option<String>,
    allow_plaintext_token: bool,
    timeout: f64,
    grpc_max_message_size: u32,
    metadata: BTreeMap<String, Secret>,
    ui_address: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct OperatorOptions {
    namespace: Option<String>,
    operator: Option<String>,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct LivyOptions {
    url: String,
    user: Option<String>,
    password: Option<Secret>,
    headers: BTreeMap<String, Secret>,
    ca: Option<PathBuf>,
    timeout: f64,
    allow_plaintext_password: bool,
}

/// Text that no error shows, even where it is not text.
struct Secret(Token);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(text) => Ok(Self(Token::new(text))),
            _ => Err(D::Error::custom("it must be text")),
        }
    }
}

impl Config {
    /// The client.
    pub(crate) async fn client(self) -> Result<SparkClient, Error> {
        Ok(match self {
            Self::Session(options) => {
                SparkClient::new(SessionBackend::connect(options.config()?).await?)
            }
            Self::Connect(options) => SparkClient::new(ConnectBackend::new(options.config()?)?),
            Self::Operator(options) => {
                SparkClient::new(OperatorBackend::connect(options.config()?).await?)
            }
            Self::Livy(options) => SparkClient::new(LivyBackend::new(&options.config()?)?),
        })
    }
}

impl SessionOptions {
    fn config(self) -> Result<SessionConfig, Error> {
        let reach = match self.reach.as_str() {
            "auto" => Reach::Auto,
            "direct" => Reach::Direct,
            "port-forward" => Reach::PortForward,
            other => {
                return Err(invalid(format!("`{other}` is no way to reach a session"))
                    .hint("auto, direct or port-forward"));
            }
        };
        Ok(SessionConfig {
            kubernetes: KubernetesConfig {
                kubeconfig: self.kubeconfig,
                context: self.context,
                namespace: self.namespace,
            },
            server: self.server,
            reach,
            timeout: seconds(self.timeout)?,
        })
    }
}

impl OperatorOptions {
    fn config(self) -> Result<OperatorConfig, Error> {
        let flavour = match self.operator.as_deref() {
            None => None,
            Some("kubeflow") => Some(Flavour::Kubeflow),
            Some("apache") => Some(Flavour::Apache),
            Some(other) => {
                let error = invalid(format!("`{other}` is no Spark operator that is known"));
                return Err(error.hint("kubeflow or apache"));
            }
        };
        Ok(OperatorConfig {
            kubernetes: KubernetesConfig {
                kubeconfig: self.kubeconfig,
                context: self.context,
                namespace: self.namespace,
            },
            flavour,
        })
    }
}

impl ConnectOptions {
    fn config(self) -> Result<ConnectConfig, Error> {
        let ui = self.ui_address.as_deref().map(address).transpose()?;
        Ok(ConnectConfig {
            url: self.connect_url,
            token: self.token.map(|token| token.0),
            use_ssl: self.use_ssl,
            ca: self.ca.as_deref().map(certificates).transpose()?,
            server_name: self.server_name,
            user_id: self.user_id,
            allow_plaintext_token: self.allow_plaintext_token,
            timeout: seconds(self.timeout)?,
            max_message_size: self.grpc_max_message_size,
            metadata: (self.metadata.into_iter())
                .map(|(name, value)| (name, value.0.expose().to_owned()))
                .collect(),
            ui,
        })
    }
}

impl LivyOptions {
    fn config(self) -> Result<LivyConfig, Error> {
        let basic_auth = match (self.user, self.password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some(BasicAuth {
                user,
                password: password.0,
            }),
            _ => {
                let error = invalid("of `user` and `password` only one is given");
                return Err(error.hint("give both, or neither"));
            }
        };
        let headers = self.headers.into_iter();
        Ok(LivyConfig {
            url: self.url,
            basic_auth,
            headers: headers.map(|(name, value)| (name, value.0)).collect(),
            ca: self.ca.as_deref().map(certificates).transpose()?,
            timeout: seconds(self.timeout)?,
            allow_plaintext_password: self.allow_plaintext_password,
        })
    }
}

fn certificates(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path)
        .map_err(|error| invalid(format!("{} cannot be read", path.display())).caused_by(error))
}

fn address(text: &str) -> Result<(String, u16), Error> {
    let parts = text.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    parts.ok_or_else(|| invalid(format!("`{text}` is not host:port")))
}

/// A length of time as Python has it.
pub(crate) fn seconds(number: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(number)
        .map_err(|error| invalid("timeout is not a number of seconds").caused_by(error))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Category::InvalidInput, message)
}
