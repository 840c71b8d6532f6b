//! The address that clients reach the gateway at. No I/O.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Longest name that DNS takes, in characters.
const NAME_LIMIT: usize = 253;
/// Longest part of it between dots.
const LABEL_LIMIT: usize = 63;

/// A host and a port, as in `gateway.example.com:443`, `192.0.2.1:443` or `[2001:db8::1]:443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// DNS name or IP address; an IPv6 address without brackets.
    pub host: String,
    /// Port, never 0.
    pub port: u16,
}

/// What is no address, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no port.
    #[error("it must be HOST:PORT, as in gateway.example.com:443")]
    NoPort,
    /// The port is no port.
    #[error("the port `{0}` must be a number from 1 to 65535")]
    Port(String),
    /// An IPv6 address has no brackets.
    #[error("the host `{0}` must be in brackets if it is an IPv6 address, as in [2001:db8::1]:443")]
    Unbracketed(String),
    /// What is in brackets is no IPv6 address.
    #[error("the host `[{0}]` must be an IPv6 address, as in [2001:db8::1]:443")]
    Ipv6(String),
    /// The host is neither a name nor an address.
    #[error(
        "the host `{0}` must be a DNS name or an IP address: no scheme, path or parameter belongs here"
    )]
    Host(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        if host.starts_with('[') && port.ends_with(']') {
            return Err(AddressError::NoPort);
        }
        let host = self::host(host)?;
        // `+443` is a number to Rust, and none to a URL.
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let number = port.parse().ok().filter(|&port| digits && port != 0);
        let port = number.ok_or_else(|| AddressError::Port(port.to_owned()))?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Address {
    /// As it stands in a URL: an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

fn host(text: &str) -> Result<String, AddressError> {
    if let Some(rest) = text.strip_prefix('[') {
        let inner = rest.strip_suffix(']').unwrap_or(rest);
        let address: Option<Ipv6Addr> = inner.parse().ok().filter(|_| rest.ends_with(']'));
        let address = address.ok_or_else(|| AddressError::Ipv6(inner.to_owned()))?;
        return Ok(address.to_string());
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(AddressError::Unbracketed(text.to_owned()));
    }
    if text.parse::<Ipv4Addr>().is_ok() || is_name(text) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(AddressError::Host(text.to_owned()))
}

/// Whether it is a DNS name. One that ends in a number would be taken for an IPv4 address.
fn is_name(text: &str) -> bool {
    let last_is_number = text
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= NAME_LIMIT && !last_is_number && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=LABEL_LIMIT).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, u16), AddressError> {
        text.parse::<Address>()
            .map(|address| (address.host, address.port))
    }

    #[test]
    fn names_and_addresses_are_taken_and_come_back() {
        let long = format!("{}.example.com:1", "a".repeat(63));
        for text in [
            "gateway.example.com:443",
            "localhost:65535",
            "sparkconnect-gateway.sparkconnect-system.svc:443",
            "1password.4you:443",
            "192.0.2.1:443",
            "[2001:db8::1]:443",
            "[::1]:8443",
            &long,
        ] {
            let address: Address = text
                .parse()
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(read("[::1]:443"), Ok(("::1".to_owned(), 443)));
        assert_eq!(
            read("GW.Example.com:1"),
            Ok(("gw.example.com".to_owned(), 1))
        );
        assert_eq!(read("[2001:DB8:0::1]:1"), Ok(("2001:db8::1".to_owned(), 1)));
    }

    #[test]
    fn anything_else_is_refused_with_what_to_do() {
        let many = format!("{}a:1", "a.".repeat(127));
        let long = format!("{}.a:1", "a".repeat(64));
        for (text, hint) in [
            ("", "HOST:PORT"),
            ("gateway.example.com", "HOST:PORT"),
            ("[2001:db8::1]", "HOST:PORT"),
            ("gateway:", "the port ``"),
            ("gateway:0", "the port `0`"),
            ("gateway:65536", "from 1 to 65535"),
            ("gateway:+443", "from 1 to 65535"),
            ("gateway:443/", "from 1 to 65535"),
            ("2001:db8::1:443", "in brackets"),
            ("[gateway]:443", "must be an IPv6 address"),
            ("[::1:443", "must be an IPv6 address"),
            ("[fe80::1%eth0]:443", "must be an IPv6 address"),
            (":443", "a DNS name or an IP address"),
            ("sc://gateway:443", "no scheme"),
            ("user@gateway:443", "a DNS name"),
            ("gate_way:443", "a DNS name"),
            ("gate way:443", "a DNS name"),
            ("gateway;a=b:443", "parameter"),
            ("gateway.:443", "a DNS name"),
            ("-gateway:443", "a DNS name"),
            ("gateway-.com:443", "a DNS name"),
            ("192.0.2.256:443", "a DNS name"),
            ("192.0.2:443", "a DNS name"),
            ("gäteway:443", "a DNS name"),
            (&many, "a DNS name"),
            (&long, "a DNS name"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
