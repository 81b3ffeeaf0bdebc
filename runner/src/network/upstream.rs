//! The operator's own way out: a proxy, where the runner's environment names one.
//!
//! The variables are the ones that curl reads, lower case first. A proxy that is itself reached by
//! TLS or SOCKS is not spoken here, and going around it would be against the operator's will: such a
//! connection fails and says so.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;

use super::endpoint::{Endpoint, Host};

/// A proxy of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<String>,
}

/// How to get to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// By a connection of our own.
    Direct,
    /// Through the operator's proxy, which resolves the name.
    Through(&'a Upstream),
    /// The operator wants a proxy that cannot be used; why.
    Blocked(&'a str),
}

/// What is carried: a client's tunnel, or one request of plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Bytes that are the client's own, by CONNECT.
    Tunnel,
    /// A request in the clear.
    Plain,
}

/// The operator's proxies and the hosts that need none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstreams {
    tunnel: Option<Result<Upstream, String>>,
    plain: Option<Result<Upstream, String>>,
    without: Vec<String>,
}

impl Upstreams {
    /// Reads the runner's environment.
    pub fn from_env(env: &BTreeMap<OsString, OsString>) -> Self {
        let first = |names: &[&str]| {
            let values = names.iter().filter_map(|name| {
                let value = env.get(std::ffi::OsStr::new(name))?.to_str()?.trim();
                (!value.is_empty()).then(|| value.to_owned())
            });
            values.into_iter().next()
        };
        let proxy = |names: &[&str]| first(names).map(|value| parse(&value));
        let without = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self {
            tunnel: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            plain: proxy(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            without: without
                .split([',', ' '])
                .map(|entry| entry.trim().to_ascii_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
        }
    }

    /// The way to an endpoint.
    pub fn route(&self, carried: Carried, to: &Endpoint) -> Route<'_> {
        let proxy = match carried {
            Carried::Tunnel => &self.tunnel,
            Carried::Plain => &self.plain,
        };
        match proxy {
            Some(_) if self.goes_without(to) => Route::Direct,
            Some(Ok(upstream)) => Route::Through(upstream),
            Some(Err(why)) => Route::Blocked(why),
            None => Route::Direct,
        }
    }

    fn goes_without(&self, to: &Endpoint) -> bool {
        self.without.iter().any(|entry| covers(entry, to))
    }
}

/// Whether an entry of `NO_PROXY` is about this endpoint: `*`, a host, a domain and all below it, an
/// address, a range of addresses; each may end with a port.
fn covers(entry: &str, to: &Endpoint) -> bool {
    if entry == "*" {
        return true;
    }
    let (entry, port) = match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok())
        }
        _ => (entry, None),
    };
    if port.is_some_and(|port: u16| port != to.port) {
        return false;
    }
    match &to.host {
        Host::Name(name) => {
            let domain = entry.trim_start_matches("*.").trim_start_matches('.');
            let below = name.strip_suffix(domain);
            !domain.is_empty() && below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        }
        Host::Address(address) => match entry.split_once('/') {
            Some((network, bits)) => in_range(*address, network, bits),
            None => Host::parse(entry).as_ref() == Some(&to.host),
        },
    }
}

fn in_range(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) if bits <= 32 => {
            let rest = 32 - bits;
            u32::from(a).checked_shr(rest) == u32::from(n).checked_shr(rest)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) if bits <= 128 => {
            let rest = 128 - bits;
            u128::from(a).checked_shr(rest) == u128::from(n).checked_shr(rest)
        }
        _ => false,
    }
}

/// Reads `http://user:password@host:port`; the scheme may be missing. The error never repeats the
/// value, which may hold a password.
fn parse(value: &str) -> Result<Upstream, String> {
    let (scheme, _) = value.split_once("://").unwrap_or(("http", value));
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(format!(
            "the proxy of the runner's environment is of the kind `{scheme}`, which cannot be used; name one that speaks plain HTTP"
        ));
    }
    let bad = || "the proxy of the runner's environment is not `http://host:port`".to_owned();
    let whole = match value.contains("://") {
        true => value.to_owned(),
        false => format!("http://{value}"),
    };
    let uri: Uri = whole.parse().map_err(|_| bad())?;
    let authority = uri.authority().ok_or_else(bad)?;
    let endpoint =
        Endpoint::new(authority.host(), authority.port_u16().unwrap_or(80)).ok_or_else(bad)?;
    let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
    let authorization = user.map(|user| format!("Basic {}", STANDARD.encode(decoded(user))));
    Ok(Upstream {
        endpoint,
        authorization,
    })
}

/// Undoes percent encoding; what is not encoded stays.
fn decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = after
            .get(if byte.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams(vars: &[(&str, &str)]) -> Upstreams {
        let env = vars.iter().map(|(name, value)| (name.into(), value.into()));
        Upstreams::from_env(&env.collect())
    }

    fn goes(upstreams: &Upstreams, carried: Carried, to: &str) -> String {
        match upstreams.route(carried, &Endpoint::parse(to).unwrap()) {
            Route::Direct => "direct".to_owned(),
            Route::Through(upstream) => upstream.endpoint.to_string(),
            Route::Blocked(why) => why.to_owned(),
        }
    }

    #[test]
    fn each_variable_is_read_in_both_cases_and_the_lower_one_wins() {
        let to = "example.org:443";
        let both = upstreams(&[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:2")]);
        assert_eq!(goes(&both, Carried::Tunnel, to), "a:1");
        assert_eq!(goes(&both, Carried::Plain, to), "direct");
        let all = upstreams(&[("ALL_PROXY", "proxy.example:3128"), ("http_proxy", "")]);
        assert_eq!(goes(&all, Carried::Tunnel, to), "proxy.example:3128");
        assert_eq!(goes(&all, Carried::Plain, to), "proxy.example:3128");
    }

    #[test]
    fn hosts_without_a_proxy_are_reached_directly() {
        let list = "localhost, .internal.example ,corp.example,10.0.0.0/8,fd00::/8,h.example:8080";
        let set = upstreams(&[("https_proxy", "http://p:1"), ("NO_PROXY", list)]);
        for to in [
            "localhost:443",
            "a.internal.example:443",
            "corp.example:443",
            "git.corp.example:443",
            "10.20.30.40:443",
            "[fd12::1]:443",
            "h.example:8080",
        ] {
            assert_eq!(goes(&set, Carried::Tunnel, to), "direct", "{to}");
        }
        for to in [
            "mycorp.example:443",
            "corp.example.org:443",
            "11.0.0.1:443",
            "h.example:443",
            "[fe80::1]:443",
        ] {
            assert_eq!(goes(&set, Carried::Tunnel, to), "p:1", "{to}");
        }
        let none = upstreams(&[("https_proxy", "http://p:1"), ("no_proxy", "*")]);
        assert_eq!(goes(&none, Carried::Tunnel, "a.example:443"), "direct");
    }

    #[test]
    fn credentials_of_the_proxy_are_sent_and_never_told() {
        let upstream = parse("http://us%65r:p%40ss@proxy.example:8080/").unwrap();
        assert_eq!(upstream.endpoint.to_string(), "proxy.example:8080");
        let expected = format!("Basic {}", STANDARD.encode("user:p@ss"));
        assert_eq!(upstream.authorization.as_deref(), Some(expected.as_str()));
        for bad in ["socks5://user:hidden@proxy:1", "http://user:hidden@:x/"] {
            assert!(!parse(bad).unwrap_err().contains("hidden"), "{bad}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_spoken_to_is_not_gone_around() {
        let set = upstreams(&[("ALL_PROXY", "socks5h://127.0.0.1:1080")]);
        let route = goes(&set, Carried::Tunnel, "example.org:443");
        assert!(route.contains("`socks5h`"), "{route}");
    }
}
