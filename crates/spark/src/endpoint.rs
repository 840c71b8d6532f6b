//! Where a server is and how long it may take. No I/O.

use std::time::Duration;

use crate::{Error, Token};

/// Where one server (one replica's driver) is reached.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// Port of Spark Connect, HTTP/2.
    pub grpc_port: u16,
    /// TLS on that port; absent: plaintext, as Spark itself speaks.
    pub tls: Option<Tls>,
    /// More headers of every gRPC call, for a proxy on the way.
    pub metadata: Vec<(String, Token)>,
    /// Port of the UI and its REST API, plaintext HTTP/1.1; absent when the UI is off.
    pub ui_port: Option<u16>,
    /// The token that the server demands.
    pub token: Option<Token>,
    /// How long the server may take.
    pub timeouts: Timeouts,
}

/// Whom to trust as the other side of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of authorities, PEM; absent: those of the system.
    pub ca: Option<String>,
    /// The name that the server's certificate must have, where it is not the host's.
    pub server_name: Option<String>,
}

/// Bounds on waiting for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a TCP connection to be made.
    pub connect: Duration,
    /// For one call, from its start to the end of its answer.
    pub call: Duration,
    /// For one artifact to be uploaded.
    pub upload: Duration,
}

impl Default for Timeouts {
    /// 5 s to connect, 15 s a call, 5 min an artifact.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(15),
            upload: Duration::from_secs(300),
        }
    }
}

impl Endpoint {
    pub(crate) fn grpc_uri(&self) -> Result<http::Uri, Error> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.uri(scheme, self.grpc_port)
    }

    /// The UI's address, without a path.
    pub(crate) fn ui_uri(&self) -> Result<http::Uri, Error> {
        let port = self.ui_port.ok_or(Error::Unsupported {
            call: "the REST API: its UI is off",
        })?;
        self.uri("http", port)
    }

    fn uri(&self, scheme: &str, port: u16) -> Result<http::Uri, Error> {
        let bracketed = self.host.contains(':') && !self.host.starts_with('[');
        let host = if bracketed {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        http::Uri::try_from(format!("{scheme}://{host}:{port}"))
            .ok()
            .filter(|uri| uri.path() == "/" && uri.query().is_none())
            .filter(|uri| uri.host().is_some_and(|host| !host.is_empty()))
            .ok_or_else(|| Error::InvalidEndpoint {
                host: self.host.clone(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str) -> Endpoint {
        Endpoint {
            host: host.to_owned(),
            grpc_port: 15002,
            tls: None,
            metadata: Vec::new(),
            ui_port: None,
            token: None,
            timeouts: Timeouts::default(),
        }
    }

    #[test]
    fn every_kind_of_host_becomes_a_uri() {
        for (host, uri) in [
            ("127.0.0.1", "http://127.0.0.1:15002/"),
            ("::1", "http://[::1]:15002/"),
            ("a-0.a.ns.svc", "http://a-0.a.ns.svc:15002/"),
        ] {
            assert_eq!(endpoint(host).grpc_uri().expect(host).to_string(), uri);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in ["", "a b", "a/b", "a?b"] {
            assert!(endpoint(host).grpc_uri().is_err(), "{host}");
        }
    }
}
