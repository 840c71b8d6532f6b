//! The one Livy of all tests, clients of it, and programs for it to run.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use futures::TryStreamExt;
use sparkconnect_client::livy::{LivyBackend, LivyConfig};
use sparkconnect_client::{ApplicationRequest, Error, LogRequest, SparkClient};
use sparkconnect_testkit::livy::Livy;

/// Far longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Never dropped: it ends with this process.
pub(crate) fn shared() -> &'static Livy {
    static LIVY: OnceLock<Livy> = OnceLock::new();
    LIVY.get_or_init(|| Livy::start("4.1.4").expect("a Livy server"))
}

/// For a machine under load: a request takes milliseconds.
pub(crate) fn config(url: String) -> LivyConfig {
    LivyConfig {
        timeout: PATIENCE,
        ..LivyConfig::new(url)
    }
}

pub(crate) fn over(config: &LivyConfig) -> SparkClient {
    SparkClient::new(LivyBackend::new(config).expect("a back end"))
}

pub(crate) fn client() -> SparkClient {
    over(&config(format!("http://127.0.0.1:{}", shared().port())))
}

/// A batch of this name that runs a Python program.
pub(crate) fn program(name: &str, text: &str) -> ApplicationRequest {
    let path = shared().files().join(format!("{name}.py"));
    fs::write(&path, text).expect("the folder is there");
    ApplicationRequest {
        name: name.to_owned(),
        main_file: path.display().to_string(),
        ..ApplicationRequest::default()
    }
}

pub(crate) fn following() -> LogRequest {
    LogRequest {
        follow: true,
        ..LogRequest::default()
    }
}

/// All lines of a log.
pub(crate) async fn text_of(
    client: &SparkClient,
    id: &str,
    request: LogRequest,
) -> Result<Vec<String>, Error> {
    let lines = client.get_logs(id, request).await?;
    waited("the log to end", lines.try_collect()).await
}

pub(crate) async fn waited<T>(what: &str, future: impl Future<Output = T>) -> T {
    let within = tokio::time::timeout(PATIENCE, future).await;
    within.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}
