//! Listening on an address, also where a machine has no IPv6. Does I/O.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Listens on `address`. `[::]` is every address of both families, as Linux has it by default, and every IPv4 address of a machine that has
/// no IPv6.
///
/// # Errors
/// When the address is taken, not this machine's, or not allowed.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    match (&listener, fallback(address)) {
        (Err(error), Some(other)) if !is_about_the_port(error) => TcpListener::bind(other).await,
        _ => listener,
    }
}

fn is_about_the_port(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

fn fallback(address: SocketAddr) -> Option<SocketAddr> {
    let every = address.ip() == Ipv6Addr::UNSPECIFIED;
    every.then(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn every_address_includes_those_of_ipv4() {
        let listener = listen("[::]:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let taken = listen(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await;
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn nothing_but_every_address_is_tried_in_another_way() {
        let tried = |text: &str| fallback(text.parse().unwrap()).map(|it| it.to_string());
        assert_eq!(tried("[::]:8443").as_deref(), Some("0.0.0.0:8443"));
        assert_eq!(tried("[::1]:8443"), None);
        assert_eq!(tried("0.0.0.0:8443"), None);
    }
}
