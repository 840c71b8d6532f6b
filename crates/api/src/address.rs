//! Where a server is found in its cluster. Pure.

/// Port of Spark Connect in a driver pod.
pub const CONNECT_PORT: u16 = 15002;

/// Host of a server's headless Service; a replica's own host is its name, a dot, and this.
pub fn service_host(namespace: &str, server: &str) -> String {
    format!("{server}.{namespace}.svc")
}
