//! Where a step may go: hosts with ports, as a policy writes them and as clients ask for them.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The longest name that DNS knows.
const LONGEST_NAME: usize = 253;

/// A host as it was named: nothing is resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// A name, in lower case and without a final dot.
    Name(String),
    /// A literal address; an IPv4 address within an IPv6 one is the IPv4 address.
    Address(IpAddr),
}

impl Host {
    /// Reads a name, an IPv4 address, or an IPv6 address with or without brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        if let Some(bare) = bare {
            let address: Ipv6Addr = bare.parse().ok()?;
            return Some(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let good = !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(plain);
        good.then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

/// A host and a TCP port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The host as it was named.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// Reads `host:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Self::new(host, port.parse().ok()?)
    }

    /// A host as text and a port; no port is 0.
    pub fn new(host: &str, port: u16) -> Option<Self> {
        let host = Host::parse(host)?;
        (port > 0).then_some(Self { host, port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

/// The endpoints that one step may reach. Nothing is a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(BTreeSet<Endpoint>);

impl AllowList {
    /// The `network` of a step; the policy's reader has refused what is no endpoint.
    pub fn new<S: AsRef<str>>(entries: &[S]) -> Self {
        let parsed = entries
            .iter()
            .filter_map(|entry| Endpoint::parse(entry.as_ref()));
        Self(parsed.collect())
    }

    /// Whether exactly this endpoint is named.
    pub fn names(&self, endpoint: &Endpoint) -> bool {
        self.0.contains(endpoint)
    }

    /// Whether this address is named with this port, as an address.
    pub fn names_address(&self, address: IpAddr, port: u16) -> bool {
        let host = Host::Address(address.to_canonical());
        self.names(&Endpoint { host, port })
    }

    /// Whether this host is named with any port.
    pub fn names_host(&self, host: &Host) -> bool {
        self.0.iter().any(|endpoint| &endpoint.host == host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_form_however_it_is_written() {
        for (written, read) in [
            ("Packages.Example.ORG:443", "packages.example.org:443"),
            ("packages.example.org.:443", "packages.example.org:443"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("::1:80", "[::1]:80"),
            ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
            ("[2001:DB8:0::1]:80", "[2001:db8::1]:80"),
        ] {
            let endpoint = Endpoint::parse(written).map(|endpoint| endpoint.to_string());
            assert_eq!(endpoint.as_deref(), Some(read), "{written}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_none() {
        let long = format!("{}:443", "a".repeat(300));
        for text in [
            "",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:+1x",
            ":443",
            ".:443",
            "*.example.org:443",
            "user@host:443",
            "ho st:443",
            "host/path:443",
            "h\u{f6}st:443",
            "[10.0.0.1]:443",
            "host\r\n:443",
            &long,
        ] {
            assert_eq!(Endpoint::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_list_allows_what_it_names_and_nothing_like_it() {
        let list = AllowList::new(&["example.org:443", "10.0.0.1:80"]);
        let named = |text| list.names(&Endpoint::parse(text).unwrap());
        assert!(named("example.org:443") && named("EXAMPLE.org:443") && named("10.0.0.1:80"));
        for other in [
            "example.org:80",
            "www.example.org:443",
            "xample.org:443",
            "example.org.evil.net:443",
            "10.0.0.1:443",
            "10.0.0.2:80",
        ] {
            assert!(!named(other), "{other}");
        }
    }
}
