//! Who runs batch jobs: the options that say so, and the client that follows. Does I/O: reads files that options name, and asks the API
//! server which operator it has.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use sparkconnect_client::livy::{BasicAuth, LivyBackend, LivyConfig};
use sparkconnect_client::operators::{Flavour, OperatorBackend, OperatorConfig};
use sparkconnect_client::{Category, Error as ClientError, SparkClient};
use sparkconnect_spark::Token;

use crate::context::Context;
use crate::error::Error;

/// Has the password for Livy.
const PASSWORD: &str = "SPARKCONNECT_LIVY_PASSWORD";

/// Who runs batch jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Runner {
    /// kubeflow's Spark operator
    Kubeflow,
    /// Apache's Spark operator
    Apache,
    /// A Livy server
    Livy,
}

/// The options.
#[derive(Args, Debug)]
#[command(next_help_heading = "Who runs it")]
pub(super) struct BackendArgs {
    /// Who runs batch jobs; without it Livy where --livy-url is given, else the Spark operator that the cluster has.
    #[arg(long, value_name = "NAME")]
    backend: Option<Runner>,

    /// URL of a Livy server, such as http://livy.example:8998.
    #[arg(long, value_name = "URL", required_if_eq("backend", "livy"))]
    livy_url: Option<String>,

    /// User for Livy. The password is in the environment as SPARKCONNECT_LIVY_PASSWORD, or in a file.
    #[arg(long, value_name = "USER", requires = "livy_url")]
    livy_user: Option<String>,

    /// File with the password for Livy.
    #[arg(long, value_name = "PATH", requires = "livy_user")]
    livy_password_file: Option<PathBuf>,

    /// File with more headers for Livy, such as a proxy demands, each a line `NAME: VALUE`.
    #[arg(long, value_name = "PATH", requires = "livy_url")]
    livy_headers_file: Option<PathBuf>,

    /// File with the certificates, PEM, of the authorities to trust for Livy, instead of the system's.
    #[arg(long, value_name = "PATH", requires = "livy_url")]
    livy_ca_file: Option<PathBuf>,

    /// Let the password go to Livy without TLS. Who reads along has it then.
    #[arg(long, requires = "livy_user")]
    livy_allow_plaintext_password: bool,
}

/// Batch jobs, and what one is called.
pub(super) struct Jobs {
    /// The client.
    pub(super) client: SparkClient,
    noun: &'static str,
}

impl Jobs {
    /// An application as it is named to people: `sparkapplication/pi`, `batch/7`.
    pub(super) fn called(&self, id: &str) -> String {
        format!("{}/{id}", self.noun)
    }
}

impl BackendArgs {
    /// The client of whom the options name. A request to Livy takes at most `timeout`.
    pub(super) async fn connect(
        &self,
        context: &Context,
        timeout: Duration,
    ) -> Result<Jobs, Error> {
        let flavour = match (self.backend, &self.livy_url) {
            (None | Some(Runner::Livy), Some(url)) => return self.livy(context, url, timeout),
            (_, Some(_)) => {
                let message = "--livy-url is given, but --backend is another one";
                return Err(Error::new(Category::InvalidInput, message));
            }
            (Some(Runner::Kubeflow), None) => Some(Flavour::Kubeflow),
            (Some(Runner::Apache), None) => Some(Flavour::Apache),
            // clap has refused Livy without a URL.
            (None | Some(Runner::Livy), None) => None,
        };
        let config = OperatorConfig {
            kubernetes: context.kubernetes(),
            flavour,
        };
        Ok(Jobs {
            client: SparkClient::new(OperatorBackend::connect(config).await?),
            noun: "sparkapplication",
        })
    }

    fn livy(&self, context: &Context, url: &str, timeout: Duration) -> Result<Jobs, Error> {
        let global = &context.global;
        if global.kubeconfig.is_some() || global.context.is_some() || global.namespace.is_some() {
            let message = "Livy has no kubeconfig, context or namespace";
            let error = ClientError::new(Category::InvalidInput, message);
            return Err(error
                .hint("leave --kubeconfig, --context and --namespace out")
                .into());
        }
        let headers = self.livy_headers_file.as_deref().map(headers).transpose()?;
        let ca = self.livy_ca_file.as_deref().map(read).transpose()?;
        let config = LivyConfig {
            basic_auth: self.basic_auth()?,
            headers: headers.unwrap_or_default(),
            ca,
            timeout,
            allow_plaintext_password: self.livy_allow_plaintext_password,
            ..LivyConfig::new(url)
        };
        Ok(Jobs {
            client: SparkClient::new(LivyBackend::new(&config)?),
            noun: "batch",
        })
    }

    fn basic_auth(&self) -> Result<Option<BasicAuth>, ClientError> {
        let Some(user) = &self.livy_user else {
            return Ok(None);
        };
        let password = match &self.livy_password_file {
            Some(path) => read(path)?.trim_end_matches(['\r', '\n']).to_owned(),
            None => env::var(PASSWORD).map_err(|_| {
                let message = format!("--livy-user is given, and no password for {user}");
                ClientError::new(Category::InvalidInput, message).hint(format!(
                    "set {PASSWORD}, or name a file with --livy-password-file"
                ))
            })?,
        };
        Ok(Some(BasicAuth {
            user: user.clone(),
            password: Token::new(password),
        }))
    }
}

/// A file's text.
pub(super) fn read(path: &Path) -> Result<String, ClientError> {
    fs::read_to_string(path).map_err(|error| {
        let message = format!("{} cannot be read", path.display());
        ClientError::new(Category::InvalidInput, message).caused_by(error)
    })
}

fn headers(path: &Path) -> Result<BTreeMap<String, Token>, ClientError> {
    parsed(&read(path)?).map_err(|number| {
        // Not the line itself: it may be what is secret.
        let message = format!("line {number} of {} is no `NAME: VALUE`", path.display());
        ClientError::new(Category::InvalidInput, message)
    })
}

/// The headers, or the number of the line that is none or is given twice.
fn parsed(text: &str) -> Result<BTreeMap<String, Token>, usize> {
    let mut headers = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(number)?;
        let value = Token::new(value.trim());
        if headers.insert(name.trim().to_owned(), value).is_some() {
            return Err(number);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lines() {
        let headers = parsed("X-Key: a:b\n\nX-Other:  c \n").unwrap();
        assert_eq!(headers["X-Key"].expose(), "a:b");
        assert_eq!(headers["X-Other"].expose(), "c");
        assert_eq!(parsed("X-Key: a\nno header\n").unwrap_err(), 2);
        assert_eq!(parsed("X-Key: a\nX-Key: b\n").unwrap_err(), 2);
    }
}
