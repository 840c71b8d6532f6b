//! The operator's command line: every flag has an environment variable of the same meaning. No I/O.

use std::collections::BTreeSet;

use clap::Parser;
use sparkconnect_telemetry::Common;

use crate::gateway::Address;
use crate::remove::Removal;
use crate::watch::Scope;

/// Port that gateways are asked at.
const CONTROL_PORT: u16 = 8444;

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

    /// Image of servers that name none; `{version}` stands for the server's Spark version.
    #[arg(
        long,
        env = "SPARKCONNECT_DEFAULT_IMAGE",
        value_name = "IMAGE",
        default_value = "apache/spark:{version}"
    )]
    pub default_image: String,

    /// Address that clients reach the gateway at, a DNS name or an IP address with a port, as in `gateway.example.com:443`.
    /// With it sessions' URLs lead through the gateway; without it, to the servers themselves.
    #[arg(long, env = "SPARKCONNECT_GATEWAY_ADDRESS", value_name = "HOST:PORT")]
    pub gateway_address: Option<Address>,

    /// Secret with the gateway's certificate where somebody else makes it, such as cert-manager: it is read, for its `ca.crt`, and never
    /// written. Absent: `sparkconnect-gateway-tls`, which the operator makes and renews unless it finds one that is not its own.
    #[arg(
        long,
        env = "SPARKCONNECT_GATEWAY_CERTIFICATE_SECRET",
        value_name = "NAME"
    )]
    pub gateway_certificate_secret: Option<String>,

    /// Name and port that every gateway is asked at, for what it counted of each session: a headless Service, of which every address
    /// is a gateway. Absent: `sparkconnect-gateway-control` in the operator's namespace, port 8444. Of no use without
    /// `--gateway-address`.
    #[arg(
        long,
        env = "SPARKCONNECT_GATEWAY_CONTROL_ADDRESS",
        value_name = "HOST:PORT"
    )]
    pub gateway_control_address: Option<Address>,

    /// What every program has.
    #[command(flatten)]
    pub common: Common,

    /// Most status writes a second for changes of metrics alone, over all sessions.
    #[arg(
        long,
        env = "SPARKCONNECT_METRIC_WRITES_PER_SECOND",
        value_name = "N",
        default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(1..=1000)
    )]
    pub metric_writes_per_second: u16,

    /// Removes this, returns when it is gone, and runs nothing: for uninstalling together with the resource definitions.
    #[arg(long, value_name = "WHAT")]
    pub remove: Option<Removal>,

    /// Calls Spark in a session, as a client would, and runs nothing: for `helm test`. The entries `host`, `port`, `uri`, `token`, `sessionId`,
    /// `userId` and, where there is one, `ca.crt` of the session's connection Secret are the environment variables `SESSION_HOST`,
    /// `SESSION_PORT`, `SESSION_URI`, `SESSION_TOKEN`, `SESSION_ID`, `SESSION_USER` and `SESSION_AUTHORITY`.
    #[arg(long, conflicts_with = "remove")]
    pub check_session: bool,
}

impl Settings {
    /// What is served, each by its own watches: the whole cluster, or each of the namespaces.
    pub fn scopes(&self) -> Vec<Scope> {
        let named: BTreeSet<_> = self.common.watch_namespaces.iter().cloned().collect();
        if named.is_empty() {
            return vec![Scope::Cluster];
        }
        named.into_iter().map(Scope::Namespace).collect()
    }

    /// Where gateways are asked what they counted.
    pub fn control_address(&self) -> Address {
        let own = || Address {
            host: format!("sparkconnect-gateway-control.{}.svc", self.namespace),
            port: CONTROL_PORT,
        };
        self.gateway_control_address.clone().unwrap_or_else(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_settings_is_this_command_lines() {
        use clap::CommandFactory;
        use sparkconnect_testkit::page;
        let flags = page::settings(&Settings::command());
        let text = format!(
            "# The operator's settings\n\nFlags of `sparkconnect-operator`, and environment variables of the same meaning.\n\n{flags}"
        );
        page::hold("operator-settings.md", &text);
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Settings::command().debug_assert();
    }

    fn parsed(more: &[&str]) -> Result<Settings, clap::Error> {
        let name = ["sparkconnect-operator", "--namespace=ns", "--pod-name=pod"];
        Settings::try_parse_from(name.iter().chain(more))
    }

    #[test]
    fn a_gateways_address_is_read_at_the_start() {
        assert_eq!(parsed(&[]).unwrap().gateway_address, None);
        let given = parsed(&["--gateway-address=gateway.example.com:443"]).unwrap();
        let address = given.gateway_address.map(|address| address.to_string());
        assert_eq!(address.as_deref(), Some("gateway.example.com:443"));
        let control = |more: &[&str]| parsed(more).unwrap().control_address().to_string();
        assert_eq!(control(&[]), "sparkconnect-gateway-control.ns.svc:8444");
        assert_eq!(control(&["--gateway-control-address=gw:1"]), "gw:1");
        let refused = parsed(&["--gateway-address=sc://gateway"]).unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("--gateway-address <HOST:PORT>") && text.contains("the port `//gateway`"),
            "{text}"
        );
    }
}
