//! The gateway's settings: each one a flag and an environment variable. Reads both.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};
use sparkconnect_api::Period;
use sparkconnect_telemetry::Common;

use crate::ad_hoc::AdHocLimits;
use crate::listen::ConnectionLimits;
use crate::oidc::OidcSettings;
use crate::proxy::CallLimits;
use crate::upstream::Windows;

/// One TLS address for every Spark Connect server.
#[derive(Clone, Debug, Parser)]
#[command(name = "sparkconnect-gateway", version)]
pub struct Settings {
    /// Address of Spark Connect.
    #[arg(
        long,
        env = "SPARKCONNECT_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        default_value = "[::]:8443"
    )]
    pub listen_address: SocketAddr,

    /// Folder with `tls.crt` and `tls.key`, as a mounted Secret has them; read anew when they change.
    #[arg(
        long,
        env = "SPARKCONNECT_TLS_FOLDER",
        value_name = "FOLDER",
        default_value = "/etc/sparkconnect/tls"
    )]
    pub tls_folder: PathBuf,

    /// Address that the operator asks at what was counted.
    #[arg(
        long,
        env = "SPARKCONNECT_CONTROL_ADDRESS",
        value_name = "ADDRESS",
        default_value = "[::]:8444"
    )]
    pub control_address: SocketAddr,

    /// Folder with `tls.crt`, `tls.key` and `ca.crt` from the operator's Secret `sparkconnect-gateway-control`; read anew when they
    /// change. Only who shows a certificate of that authority for the operator is answered.
    #[arg(
        long,
        env = "SPARKCONNECT_CONTROL_TLS_FOLDER",
        value_name = "FOLDER",
        default_value = "/etc/sparkconnect/control"
    )]
    pub control_tls_folder: PathBuf,

    /// Threads that serve clients, each connection on one of them; without it as many as the process may use cores.
    #[arg(long, env = "SPARKCONNECT_THREADS", value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Write a line to the log for every call: its id, method, session, user, code, time and bytes.
    #[arg(long, env = "SPARKCONNECT_ACCESS_LOG")]
    pub access_log: bool,

    /// File with the installation key, from the operator's Secret.
    #[arg(
        long,
        env = "SPARKCONNECT_KEY_FILE",
        value_name = "FILE",
        default_value = "/etc/sparkconnect/key/key"
    )]
    pub key_file: PathBuf,

    /// Audience that tokens of the cluster must be made for, as by `kubectl create token NAME --audience sparkconnect`.
    #[arg(
        long,
        env = "SPARKCONNECT_TOKEN_AUDIENCE",
        value_name = "AUDIENCE",
        default_value = "sparkconnect"
    )]
    pub token_audience: String,

    /// Domain below which servers have names of their own, `<server>.<namespace>.<domain>`, which all lead to the gateway and
    /// are in its certificate. Absent: whoever has no session's token names the server by the metadata `x-sparkconnect-server`.
    #[arg(long, env = "SPARKCONNECT_DOMAIN", value_name = "DOMAIN", value_parser = domain)]
    pub domain: Option<String>,

    /// What every program has.
    #[command(flatten)]
    pub common: Common,

    /// An issuer of tokens beside the cluster.
    #[command(flatten)]
    pub oidc: OidcSettings,

    /// Bounds.
    #[command(flatten)]
    pub limits: Limits,
}

impl Settings {
    /// Threads that serve clients.
    pub fn threads(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(cores)
    }
}

/// Bounds on connections and calls.
#[derive(Clone, Debug, Args)]
pub struct Limits {
    /// Connections at a time.
    #[arg(
        long,
        env = "SPARKCONNECT_MAX_CONNECTIONS",
        value_name = "N",
        default_value_t = 10_000
    )]
    pub max_connections: usize,

    /// Connections of one address at a time. Clients behind one proxy share an address.
    #[arg(
        long,
        env = "SPARKCONNECT_MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "N",
        default_value_t = 1_000
    )]
    pub max_connections_per_address: usize,

    /// Calls of one connection at a time.
    #[arg(
        long,
        env = "SPARKCONNECT_MAX_CALLS_PER_CONNECTION",
        value_name = "N",
        default_value_t = 250
    )]
    pub max_calls_per_connection: u32,

    /// Calls of one user at a time.
    #[arg(
        long,
        env = "SPARKCONNECT_MAX_CALLS_PER_USER",
        value_name = "N",
        default_value_t = 1_000
    )]
    pub max_calls_per_user: usize,

    /// Sessions that are made for one user at a time; ones that have ended do not count.
    #[arg(
        long,
        env = "SPARKCONNECT_MAX_SESSIONS_PER_USER",
        value_name = "N",
        default_value_t = 10
    )]
    pub max_sessions_per_user: usize,

    /// Calls at a time that wait for a session to be made.
    #[arg(
        long,
        env = "SPARKCONNECT_MAX_WAITING_CALLS",
        value_name = "N",
        default_value_t = 1_000
    )]
    pub max_waiting_calls: usize,

    /// Longest wait of a call for a session to be made.
    #[arg(long, env = "SPARKCONNECT_SESSION_TIMEOUT", value_name = "PERIOD", default_value = "60s", value_parser = period)]
    pub session_timeout: Duration,

    /// Longest message, in bytes: PySpark's own limit.
    #[arg(long, env = "SPARKCONNECT_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value_t = 128 << 20)]
    pub max_message_bytes: u32,

    /// Longest wait for the beginning of a call's first message.
    #[arg(long, env = "SPARKCONNECT_FIRST_MESSAGE_TIMEOUT", value_name = "PERIOD", default_value = "30s", value_parser = period)]
    pub first_message_timeout: Duration,

    /// Longest time for a TLS handshake.
    #[arg(long, env = "SPARKCONNECT_HANDSHAKE_TIMEOUT", value_name = "PERIOD", default_value = "10s", value_parser = period)]
    pub handshake_timeout: Duration,

    /// Longest time for a connection to a replica.
    #[arg(long, env = "SPARKCONNECT_CONNECT_TIMEOUT", value_name = "PERIOD", default_value = "5s", value_parser = period)]
    pub connect_timeout: Duration,

    /// Longest time of a connection without a call.
    #[arg(long, env = "SPARKCONNECT_IDLE_TIMEOUT", value_name = "PERIOD", default_value = "30m", value_parser = period)]
    pub idle_timeout: Duration,

    /// After so long a client is asked to connect anew; calls under way end as they do.
    #[arg(long, env = "SPARKCONNECT_MAX_CONNECTION_AGE", value_name = "PERIOD", default_value = "2h", value_parser = period)]
    pub max_connection_age: Duration,

    /// Longest time for calls to end after the gateway was told to end; PySpark goes on through another one.
    #[arg(long, env = "SPARKCONNECT_SHUTDOWN_GRACE", value_name = "PERIOD", default_value = "60s", value_parser = period)]
    pub shutdown_grace: Duration,

    /// After so long without a sign of life a client is asked for one.
    #[arg(long, env = "SPARKCONNECT_PING_INTERVAL", value_name = "PERIOD", default_value = "60s", value_parser = period)]
    pub ping_interval: Duration,

    /// How long a client has to give it.
    #[arg(long, env = "SPARKCONNECT_PING_TIMEOUT", value_name = "PERIOD", default_value = "20s", value_parser = period)]
    pub ping_timeout: Duration,
}

/// Bytes that are read to find a call's session: it is the first field.
const BEGINNING: usize = 64 << 10;
/// Bytes under way on either side. A connection's calls share the larger one.
pub const WINDOWS: Windows = Windows {
    stream: 1 << 20,
    connection: 4 << 20,
    frame: 64 << 10,
};

impl Limits {
    /// Bounds on connections.
    pub const fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            all: self.max_connections,
            per_address: self.max_connections_per_address,
            streams: self.max_calls_per_connection,
            handshake: self.handshake_timeout,
            idle: self.idle_timeout,
            age: self.max_connection_age,
            grace: self.shutdown_grace,
            ping_after: self.ping_interval,
            ping_timeout: self.ping_timeout,
            windows: WINDOWS,
        }
    }

    /// Bounds on sessions that are made for those who call.
    pub const fn ad_hoc(&self) -> AdHocLimits {
        AdHocLimits {
            per_user: self.max_sessions_per_user,
            waiting: self.max_waiting_calls,
            ready: self.session_timeout,
        }
    }

    /// Bounds on calls.
    pub const fn calls(&self) -> CallLimits {
        CallLimits {
            message: self.max_message_bytes,
            beginning: BEGINNING,
            first_message: self.first_message_timeout,
        }
    }
}

/// A domain in lower case.
fn domain(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if text
        .split('.')
        .all(|label| !label.is_empty() && label.bytes().all(fits))
    {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("it must be a domain, as in connect.example.com".to_owned())
    }
}

/// A period in the same form as in the resources, as in `90s` or `1h30m`; not zero, which would be no limit but no service.
fn period(text: &str) -> Result<Duration, String> {
    let period: Period = serde_json::from_value(text.into()).map_err(|error| error.to_string())?;
    match period.duration() {
        Duration::ZERO => Err("it must be longer than 0s".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use sparkconnect_testkit::page;

    use super::*;

    #[test]
    fn the_page_of_settings_is_this_command_lines() {
        let flags = page::settings(&Settings::command());
        let text = format!(
            "# The gateway's settings\n\nFlags of `sparkconnect-gateway`, and environment variables of the same meaning.\n\n{flags}"
        );
        page::hold("gateway-settings.md", &text);
    }

    #[test]
    fn the_command_line_is_sound() {
        Settings::command().debug_assert();
        let settings =
            Settings::try_parse_from(["sparkconnect-gateway", "--idle-timeout=90s"]).unwrap();
        assert!(!settings.access_log, "off unless it is wanted");
        assert_eq!(settings.limits.connections().idle, Duration::from_secs(90));
        for wrong in ["--idle-timeout=0s", "--idle-timeout=soon", "--domain=a..b"] {
            assert!(
                Settings::try_parse_from(["sparkconnect-gateway", wrong]).is_err(),
                "{wrong}"
            );
        }
    }
}
