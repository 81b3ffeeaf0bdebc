//! The hosts that a lock file names: what a prepare step would have to reach if it fetched.

use std::collections::BTreeSet;

use crate::network::endpoint::Endpoint;

/// More hosts than these are no help in a comment.
const SHOWN: usize = 8;

/// A remark on how a step could fetch by itself; none where the lock file names no host. Nothing of the
/// file gets into it but host names and ports.
pub(super) fn fetching(lock: Option<String>) -> Option<String> {
    let hosts = named_in(&lock?);
    let listed: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    (1..=SHOWN).contains(&hosts.len()).then(|| {
        format!(
            "Or let it fetch what is missing: without --offline, and with network = [{}].",
            listed.join(", ")
        )
    })
}

/// `host:port` of every address in a text.
fn named_in(text: &str) -> BTreeSet<String> {
    let of = |scheme: &str, port: &str| -> BTreeSet<String> {
        text.split(scheme)
            .skip(1)
            .filter_map(|rest| {
                let authority = rest.split(['/', '"', '\'', '\n', ' ']).next()?;
                let host = authority.rsplit('@').next()?;
                let endpoint = Endpoint::parse(host);
                let endpoint = endpoint.or_else(|| Endpoint::parse(&format!("{host}:{port}")));
                Some(endpoint?.to_string())
            })
            .collect()
    };
    &of("https://", "443") | &of("http://", "80")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_a_lock_file_are_named_once_and_nothing_else_of_it() {
        let lock = r#"
source = { registry = "https://packages.example.org/simple" }
url = "https://files.example.org:8443/a/b.whl"
url = "https://user:word@files.example.org:8443/c.whl"
"resolved": "http://mirror.example.org/d.tgz"
url = "https://"
url = "https://e*vil] name/"
"#;
        let remark = fetching(Some(lock.to_owned())).unwrap();
        let list = "network = [\"files.example.org:8443\", \"mirror.example.org:80\", \"packages.example.org:443\"]";
        assert!(remark.ends_with(&format!("{list}.")), "{remark}");
        assert_eq!(fetching(Some("no address".to_owned())), None);
        assert_eq!(fetching(None), None);
    }
}
