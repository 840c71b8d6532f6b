//! What every verb has at hand: the global options, the cluster that they name, and where data goes. A verb is a module with
//! `#[derive(clap::Args)] pub(crate) struct Args` and `pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error>`;
//! `Error` is this crate's, and every error of the client becomes one by `?`. Does I/O.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sparkconnect_client::kubernetes::{Cluster, KubernetesConfig};
use sparkconnect_client::sessions::{Reach, SessionBackend, SessionConfig};
use sparkconnect_client::{Category, SparkClient, Waiting};

use crate::error::Error;
use crate::terminal::Spinner;

/// Options of every verb.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Kubeconfig to use, instead of KUBECONFIG or ~/.kube/config.
    ///
    /// Without any of them, and within a pod, the pod's own service account is used.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,

    /// Namespace, instead of the context's.
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,

    /// Tell what is asked of the cluster, and each step of a wait.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// What a verb has at hand.
#[derive(Debug)]
pub(crate) struct Context {
    /// The options that every verb has.
    pub(crate) global: Global,
}

impl Context {
    /// Nothing is read or asked yet.
    pub(crate) fn new(global: Global) -> Self {
        Self { global }
    }

    /// Which cluster is meant.
    pub(crate) fn kubernetes(&self) -> KubernetesConfig {
        KubernetesConfig {
            kubeconfig: self.global.kubeconfig.clone(),
            context: self.global.context.clone(),
            namespace: self.global.namespace.clone(),
        }
    }

    /// The cluster. Reads the kubeconfig and sends nothing, but may run the plug-in that it names for credentials.
    pub(crate) async fn cluster(&self) -> Result<Cluster, Error> {
        Ok(self.kubernetes().connect().await?)
    }

    /// The client of sessions, which reaches them by that way. Sends nothing yet.
    pub(crate) async fn sessions(&self, reach: Reach) -> Result<SparkClient, Error> {
        let config = SessionConfig {
            kubernetes: self.kubernetes(),
            reach,
            ..SessionConfig::default()
        };
        Ok(SparkClient::new(SessionBackend::connect(config).await?))
    }

    /// How to wait for something: on a terminal the moving sign tells of it.
    pub(crate) fn waiting(&self, spinner: &Spinner, timeout: Option<Duration>) -> Waiting {
        spinner.waiting(timeout, self.global.verbose)
    }

    /// Writes data to standard output: a line, or several.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        let ended = text.is_empty() || text.ends_with('\n');
        let written = out.write_all(text.as_bytes());
        let written = written.and_then(|()| if ended { Ok(()) } else { out.write_all(b"\n") });
        written.and_then(|()| out.flush()).map_err(Error::of_output)
    }
}

/// Option of verbs that ask and do not wait.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Longest time to wait for the answer, such as 10s or 1m; 0s waits for ever.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::values::period)]
    pub(crate) request_timeout: Duration,
}

impl Request {
    /// The same for a client that bounds each request itself.
    pub(crate) fn bound(self) -> Duration {
        if self.request_timeout.is_zero() {
            Duration::MAX
        } else {
            self.request_timeout
        }
    }

    /// What `asked` answers within the time.
    pub(crate) async fn within<T>(
        self,
        asked: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if self.request_timeout.is_zero() {
            return asked.await;
        }
        match tokio::time::timeout(self.request_timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::new(
                Category::TimedOut,
                format!("there was no answer within {:?}", self.request_timeout),
            )),
        }
    }
}
