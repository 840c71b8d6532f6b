//! The operator's command line: every flag has an environment variable of the same meaning. No I/O.

use std::net::SocketAddr;

use clap::Parser;
use sparkconnect_telemetry::LogFormat;

/// Runs Spark Connect servers and sessions as Kubernetes resources ask.
#[derive(Clone, Debug, Parser)]
#[command(name = "sparkconnect-operator", version)]
pub struct Settings {
    /// Namespace that the operator runs in: its Lease and its installation key are there.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: String,

    /// Name of this operator among its replicas.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub pod_name: String,

    /// The one namespace whose resources are served; without it, all of them.
    #[arg(long, env = "SPARKCONNECT_WATCH_NAMESPACE", value_name = "NAMESPACE")]
    pub watch_namespace: Option<String>,

    /// Image of servers that name none; `{version}` stands for the server's Spark version.
    #[arg(
        long,
        env = "SPARKCONNECT_DEFAULT_IMAGE",
        value_name = "IMAGE",
        default_value = "apache/spark:{version}"
    )]
    pub default_image: String,

    /// Address of `/metrics`, `/healthz` and `/readyz`.
    #[arg(
        long,
        env = "SPARKCONNECT_HEALTH_ADDRESS",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8080"
    )]
    pub health_address: SocketAddr,

    /// Form of the log: `json`, one object a line, or `text`, for people.
    #[arg(
        long,
        env = "SPARKCONNECT_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "json"
    )]
    pub log_format: LogFormat,

    /// What is logged, in the form of `RUST_LOG`, which takes its place where it is set.
    #[arg(
        long,
        env = "SPARKCONNECT_LOG_FILTER",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log_filter: String,

    /// Most status writes a second for changes of metrics alone, over all sessions.
    #[arg(
        long,
        env = "SPARKCONNECT_METRIC_WRITES_PER_SECOND",
        value_name = "N",
        default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(1..=1000)
    )]
    pub metric_writes_per_second: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Settings::command().debug_assert();
    }
}
