//! Ports of 127.0.0.1 for servers that open them themselves, seconds after they were told which. Does I/O.
//!
//! A port that was only free a moment ago can be given to anyone who asks the kernel for any port, and then answers in the server's place.
//! These are below the ones that Linux gives (`net.ipv4.ip_local_port_range`, from 32768 where nobody changed it) and below Kubernetes' node
//! ports, and no two processes of this project have the same.

use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;

use crate::error::{Error, Result};

const RANGE: Range<u16> = 20_000..30_000;

/// A port of 127.0.0.1 that is nobody else's until this is dropped, or this process ends.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// In the abstract namespace, where a name is a network namespace's, as a port is, and goes with the process.
    _claim: net::UnixListener,
}

impl Port {
    /// One that nobody listens on.
    ///
    /// # Errors
    /// When all are taken.
    pub fn claim() -> Result<Self> {
        let length = u32::from(RANGE.end - RANGE.start);
        // Processes that begin at one time look at different ones first.
        let start = std::process::id().wrapping_mul(97);
        (0..length)
            .filter_map(|step| u16::try_from(start.wrapping_add(step) % length).ok())
            .find_map(|offset| Self::of(RANGE.start + offset))
            .ok_or_else(|| Error::new(format!("every port of 127.0.0.1 in {RANGE:?} is taken")))
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// 127.0.0.1 with it.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.number))
    }

    fn of(number: u16) -> Option<Self> {
        let name = format!("sparkconnect-port-{number}");
        let name = net::SocketAddr::from_abstract_name(name).ok()?;
        let claim = net::UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self {
            number,
            _claim: claim,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_gets_a_claimed_port() {
        let port = Port::claim().unwrap();
        assert!(RANGE.contains(&port.number()));
        assert!(Port::of(port.number()).is_none());
        let number = port.number();
        drop(port);
        assert!(Port::of(number).is_some());
    }

    #[test]
    fn a_port_on_which_somebody_listens_is_passed_over() {
        let port = Port::claim().unwrap();
        let _listener = TcpListener::bind(port.address()).unwrap();
        let number = port.number();
        drop(port);
        assert!(Port::of(number).is_none());
    }
}
