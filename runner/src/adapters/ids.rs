//! Canonical test ids: the same words for the same test in every run and on every machine.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path};

use passmuster_policy::path::RepoPath;
use sha2::{Digest, Sha256};

use super::draft::head;

/// Replaces what differs from run to run in a name or parameter: addresses after ` at 0x` become `0x…`, and directories
/// that `tempfile`-like libraries make become `/tmp/…`. Letters, spaces and Unicode stay as they are.
pub(super) fn stable(text: &str) -> String {
    if text.len() > LENGTH_CAP {
        return shortened(text);
    }
    let mut stable = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(length) = address(rest) {
            stable.push_str("0x…");
            rest = rest.get(length..).unwrap_or_default();
        } else if let Some(length) = temporary(rest) {
            stable.push_str("/tmp/…");
            rest = rest.get(length..).unwrap_or_default();
        } else {
            stable.push(character);
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        }
    }
    stable
}

/// Cap of a name in bytes.
const LENGTH_CAP: usize = 4096;

/// A name beyond the cap: its start, and the digest of all of it, so that different names stay different.
fn shortened(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let digest: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{}…{digest}", head(text, 256))
}

/// An address as Python and C print it: `0x` and 8 digits or more; fewer is a number that somebody wrote.
fn address(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("0x")?;
    let count = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
    (count >= 8).then_some(count + 2)
}

/// The first component under `/tmp` or `/var/tmp`.
fn temporary(text: &str) -> Option<usize> {
    let prefix = ["/var/tmp/", "/tmp/"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let name = text.get(prefix.len()..)?;
    let end = name
        .find(|c: char| !(c.is_alphanumeric() || "._-".contains(c)))
        .unwrap_or(name.len());
    (end > 0).then_some(prefix.len() + end)
}

/// A path as a command saw it, as a path of the tree: relative ones are below `cwd`; none for what lies outside.
pub(super) fn in_tree(tree: &Path, cwd: &Path, path: &str) -> Option<RepoPath> {
    let path = match path.strip_prefix("file://") {
        Some(encoded) => decoded(encoded),
        None => path.as_bytes().to_vec(),
    };
    let absolute = cwd.join(OsString::from_vec(path));
    let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
    for component in absolute.components() {
        match component {
            Component::Normal(part) => parts.push(part),
            Component::ParentDir => drop(parts.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    let resolved: std::path::PathBuf = std::iter::once(std::ffi::OsStr::new("/"))
        .chain(parts)
        .collect();
    let relative = resolved.strip_prefix(tree).ok()?;
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(relative.as_os_str());
    (!bytes.is_empty()).then(|| RepoPath::new(bytes))
}

/// The bytes of a URL's path: `%20` is a space.
fn decoded(path: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_replaced_and_nothing_else() {
        for (given, expected) in [
            ("<object at 0x7f3a9c0012d0>", "<object at 0x…>"),
            ("mask 0xff", "mask 0xff"),
            ("/tmp/pytest-of-root/x y", "/tmp/…/x y"),
            ("/tmp/tmpab3_x", "/tmp/…"),
            ("größe 日本 a b", "größe 日本 a b"),
            ("/tmp/", "/tmp/"),
        ] {
            assert_eq!(stable(given), expected);
        }
    }

    #[test]
    fn names_beyond_the_cap_stay_different() {
        let (one, other) = ("x".repeat(5000), format!("{}y", "x".repeat(4999)));
        assert_ne!(stable(&one), stable(&other));
        assert!(stable(&one).len() < 300);
    }

    #[test]
    fn only_paths_inside_the_tree_become_paths_of_the_tree() {
        let (tree, cwd) = (Path::new("/sandbox/tree"), Path::new("/sandbox/tree/app"));
        let read = |path| in_tree(tree, cwd, path).map(|path| path.to_string());
        assert_eq!(read("a/../b.py").as_deref(), Some("app/b.py"));
        assert_eq!(
            read("file:///sandbox/tree/%C3%A4%20b%.mjs").as_deref(),
            Some("ä b%.mjs")
        );
        assert_eq!(read("/sandbox/tree/a%20b").as_deref(), Some("a%20b"));
        assert_eq!(read("../../../etc/passwd"), None);
        assert_eq!(read("/sandbox/treehouse/x"), None);
        assert_eq!(read("/sandbox/tree"), None);
    }
}
