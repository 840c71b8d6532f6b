//! Where a server is found in its cluster, and what operator and gateway know each other by. Pure.

/// Port of Spark Connect in a driver pod.
pub const CONNECT_PORT: u16 = 15002;

/// DNS name in the certificate that a gateway shows the operator: in no way an address.
pub const CONTROL_SERVER: &str = "control.sparkconnect-gateway";
/// DNS name in the certificate that the operator shows a gateway.
pub const CONTROL_CLIENT: &str = "operator.sparkconnect-gateway";

/// Host of a server's headless Service; a replica's own host is its name, a dot, and this.
pub fn service_host(namespace: &str, server: &str) -> String {
    format!("{server}.{namespace}.svc")
}
