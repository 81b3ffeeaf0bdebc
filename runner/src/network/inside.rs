//! What the clients inside are told: where the proxy is, which certificates to trust, and that they are not
//! offline.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::certificates;
use super::endpoint::{AllowList, Host};
use crate::places::{CERTIFICATES, PROXY_PORT};

/// What tells the clients of the toolchains, the presets and the policy that there is no network.
/// Only these values are taken out: another one is somebody's choice.
const OFFLINE: [(&str, &str); 5] = [
    ("CARGO_NET_OFFLINE", "true"),
    ("GOPROXY", "off"),
    ("PIP_NO_INDEX", "1"),
    ("UV_OFFLINE", "1"),
    ("npm_config_offline", "true"),
];
/// Where a configuration file may say the same, its contrary.
const ONLINE: [(&str, &str); 3] = [
    ("CARGO_NET_OFFLINE", "false"),
    ("npm_config_offline", "false"),
    // Node's own `fetch` ignores the other variables without it.
    ("NODE_USE_ENV_PROXY", "1"),
];
/// Variables that name a proxy. Java reads none of this kind: a step of Maven or Gradle says it itself.
const PROXY: [&str; 11] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "CARGO_HTTP_PROXY",
    "npm_config_proxy",
    "npm_config_https_proxy",
    "YARN_HTTP_PROXY",
    "YARN_HTTPS_PROXY",
];
/// Variables that name what needs no proxy.
const WITHOUT: [&str; 3] = ["no_proxy", "NO_PROXY", "npm_config_noproxy"];
/// The sandbox's own loopback, where a step may talk to itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The environment of a step with network, from the one without.
pub fn environment(
    offline: Vec<(String, OsString)>,
    allowed: &AllowList,
    has_bundle: bool,
) -> Vec<(String, OsString)> {
    let mut env: BTreeMap<String, OsString> = offline.into_iter().collect();
    for (name, value) in OFFLINE {
        if env.get(name).is_some_and(|written| written == value) {
            env.remove(name);
        }
    }
    for (name, value) in ONLINE {
        env.entry(name.to_owned()).or_insert_with(|| value.into());
    }
    let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
    for name in PROXY {
        env.insert(name.to_owned(), (&proxy).into());
    }
    let without = without_proxy(allowed);
    for name in WITHOUT {
        env.insert(name.to_owned(), (&without).into());
    }
    for name in certificates::VARIABLES.iter().filter(|_| has_bundle) {
        env.insert((*name).to_owned(), CERTIFICATES.into());
    }
    env.into_iter().collect()
}

/// Loopback needs no proxy, except where the list names the runner's own machine.
fn without_proxy(allowed: &AllowList) -> String {
    let own = |host: &&&str| Host::parse(host).is_none_or(|host| !allowed.names_host(&host));
    let hosts: Vec<&str> = LOOPBACK.iter().filter(own).copied().collect();
    hosts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        offline: &[(&str, &str)],
        allowed: &[&str],
        has_bundle: bool,
    ) -> BTreeMap<String, String> {
        let offline = offline
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.into()));
        environment(offline.collect(), &AllowList::new(allowed), has_bundle)
            .into_iter()
            .map(|(name, value)| (name, value.into_string().unwrap()))
            .collect()
    }

    #[test]
    fn clients_are_online_and_pointed_to_the_proxy() {
        let env = of(&OFFLINE, &["example.org:443"], true);
        assert!(!env.contains_key("UV_OFFLINE") && !env.contains_key("PIP_NO_INDEX"));
        assert!(!env.contains_key("GOPROXY"));
        assert_eq!(env["CARGO_NET_OFFLINE"], "false");
        assert_eq!(env["https_proxy"], "http://127.0.0.1:3128");
        assert_eq!(env["NO_PROXY"], "localhost,127.0.0.1,::1");
        assert_eq!(env["SSL_CERT_FILE"], CERTIFICATES);
    }

    #[test]
    fn what_somebody_chose_stays() {
        let env = of(&[("GOPROXY", "https://modules.example")], &[], false);
        assert_eq!(env["GOPROXY"], "https://modules.example");
        assert!(!env.contains_key("SSL_CERT_FILE"));
    }

    #[test]
    fn a_loopback_address_in_the_list_is_reached_through_the_proxy() {
        let env = of(&[], &["127.0.0.1:8080"], false);
        assert_eq!(env["no_proxy"], "localhost,::1");
    }
}
