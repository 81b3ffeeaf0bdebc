//! The hosts that a lock file names: what a prepare step would have to reach if it fetched.

use std::collections::BTreeSet;

use crate::network::endpoint::Endpoint;

/// More hosts than these are no help in a comment.
const SHOWN: usize = 8;

/// What a lock file calls the public registry, an address that Cargo no longer asks, and the ones that it
/// does ask.
const CRATES_IN_LOCK: &str = "https://github.com/rust-lang/crates.io-index";
const CRATES: &str = "https://index.crates.io/ https://static.crates.io/";

/// A remark on how a step could fetch by itself; none where the lock file names no host. Nothing of the
/// file gets into it but host names and ports.
pub(super) fn fetching(lock: Option<String>) -> Option<String> {
    let network = network(&lock?)?;
    Some(format!(
        "Or let it fetch what is missing: without --offline, and with {network}."
    ))
}

/// The same for Cargo, whose build must not be the step that fetches: it sees the whole tree.
pub(super) fn cargo_fetching(lock: Option<String>, inputs: &[String]) -> Option<String> {
    let lock = lock?.replace(CRATES_IN_LOCK, CRATES);
    let network = network(&lock)?;
    let inputs: Vec<String> = inputs.iter().map(|path| format!("{path:?}")).collect();
    Some(format!(
        "Or let a step before it fetch them: run = [\"cargo\", \"fetch\", \"--locked\"], inputs = [{}], \
         env = {{ CARGO_HOME = \"/sandbox/env/cargo\" }}, {network}.",
        inputs.join(", ")
    ))
}

fn network(text: &str) -> Option<String> {
    let hosts = named_in(text);
    let listed: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    (1..=SHOWN)
        .contains(&hosts.len())
        .then(|| format!("network = [{}]", listed.join(", ")))
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
    fn what_cargo_asks_is_named_and_not_what_its_lock_file_calls_it() {
        let lock = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
            source = \"git+https://code.example.org/a?rev=1#1\"\n";
        let inputs = ["Cargo.toml".to_owned(), "Cargo.lock".to_owned()];
        let remark = cargo_fetching(Some(lock.to_owned()), &inputs).unwrap();
        let list = "inputs = [\"Cargo.toml\", \"Cargo.lock\"], env = { CARGO_HOME = \"/sandbox/env/cargo\" }, \
            network = [\"code.example.org:443\", \"index.crates.io:443\", \"static.crates.io:443\"].";
        assert!(remark.ends_with(list), "{remark}");
        let nothing = "[[package]]\nname = \"alone\"\n";
        assert_eq!(cargo_fetching(Some(nothing.to_owned()), &inputs), None);
    }

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
