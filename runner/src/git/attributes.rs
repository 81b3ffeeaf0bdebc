//! Line ends: which files of a tree `.gitattributes` turns from LF to CRLF on checkout, and back.
//!
//! Only the attributes `text` and `eol` of the tree itself count; programs named by attributes
//! (filters, textconv, merge drivers) never run, and nobody's personal attributes are read.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use passmuster_policy::path::RepoPath;

use super::objects::TreeEntry;
use super::{Git, GitError};

/// How line ends of one file are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineEnds {
    /// Only where the content looks like text (`text=auto`).
    pub auto: bool,
    /// CRLF in the working tree (`eol=crlf`); LF in the repository in any case.
    pub crlf: bool,
}

/// How far git looks for a NUL byte that makes a file binary.
const BINARY_PROBE: usize = 8000;

impl LineEnds {
    /// The file's bytes as git checks them out.
    pub fn checked_out<'a>(self, stored: &'a [u8]) -> Cow<'a, [u8]> {
        // Git leaves alone what has CRs already when it had to guess.
        let skip = !self.crlf || (self.auto && (is_binary(stored) || stored.contains(&b'\r')));
        if skip {
            Cow::Borrowed(stored)
        } else {
            Cow::Owned(to_crlf(stored))
        }
    }

    /// The file's bytes as git stores them.
    pub fn stored<'a>(self, checked_out: &'a [u8]) -> Cow<'a, [u8]> {
        let skip = !checked_out.contains(&b'\r') || (self.auto && is_binary(checked_out));
        if skip {
            Cow::Borrowed(checked_out)
        } else {
            Cow::Owned(to_lf(checked_out))
        }
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(BINARY_PROBE).any(|byte| *byte == 0) || has_lone_cr(bytes)
}

/// A CR that ends no line: git does not take such a file for text.
fn has_lone_cr(bytes: &[u8]) -> bool {
    let next = bytes.iter().skip(1).copied().chain([0]);
    bytes
        .iter()
        .zip(next)
        .any(|(byte, next)| *byte == b'\r' && next != b'\n')
}

fn to_lf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().peekable();
    while let Some(byte) = rest.next() {
        if *byte != b'\r' || rest.peek() != Some(&&b'\n') {
            out.push(*byte);
        }
    }
    out
}

fn to_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut before = 0;
    for byte in bytes {
        if *byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        before = *byte;
    }
    out
}

/// The files of `tree`, listed in `entries`, that are checked out with CRLF; empty when it has no
/// `.gitattributes`.
pub fn crlf_paths(
    git: &Git,
    tree: &str,
    entries: &[TreeEntry],
) -> Result<HashMap<RepoPath, LineEnds>, GitError> {
    if !has_attributes(entries) {
        return Ok(HashMap::new());
    }
    let index = tempfile::Builder::new()
        .prefix("attributes-")
        .tempdir_in(git.directory())
        .map_err(GitError::io("make a temporary index"))?;
    let file = index.path().join("index");
    git.command("read a tree into a temporary index", ["read-tree", tree])
        .index(&file)
        .run()?;
    let mut found = line_ends(git, &file, entries.iter().map(|entry| &entry.path))?;
    found.retain(|_, ends| ends.crlf);
    Ok(found)
}

/// True when any directory of the tree has a `.gitattributes`.
pub fn has_attributes(entries: &[TreeEntry]) -> bool {
    entries
        .iter()
        .any(|entry| entry.path.file_name() == b".gitattributes")
}

/// The treatment of each of `paths` by the attributes in the index file; those without are absent.
pub fn line_ends<'a>(
    git: &Git,
    index: &Path,
    paths: impl Iterator<Item = &'a RepoPath>,
) -> Result<HashMap<RepoPath, LineEnds>, GitError> {
    let purpose = "look up the attributes of files";
    let mut input = Vec::new();
    for path in paths {
        input.extend(path.as_bytes().iter().chain(b"\0"));
    }
    let arguments = ["check-attr", "--stdin", "-z", "--cached", "text", "eol"];
    let answer = git
        .command(purpose, arguments)
        .index(index)
        .input(input)
        .run()?;
    let fields: Vec<&[u8]> = answer.split(|byte| *byte == 0).collect();
    let mut found = HashMap::new();
    for pair in fields.chunks_exact(6) {
        let [path, b"text", text, _, b"eol", eol] = pair else {
            return Err(GitError::malformed(purpose, pair.concat()));
        };
        if let Some(ends) = treatment(text, eol) {
            found.insert(RepoPath::new(*path), ends);
        }
    }
    Ok(found)
}

/// Git's table: `eol` alone implies `text`; `-text` switches everything off.
fn treatment(text: &[u8], eol: &[u8]) -> Option<LineEnds> {
    let crlf = eol == b"crlf";
    match text {
        b"set" => Some(LineEnds { auto: false, crlf }),
        b"auto" => Some(LineEnds { auto: true, crlf }),
        b"unspecified" if crlf || eol == b"lf" => Some(LineEnds { auto: false, crlf }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_to_crlf_and_back() {
        let ends = LineEnds {
            auto: false,
            crlf: true,
        };
        assert_eq!(&*ends.checked_out(b"a\nb\r\nc"), b"a\r\nb\r\nc");
        assert_eq!(&*ends.stored(b"a\r\nb\r\nc"), b"a\nb\nc");
    }

    #[test]
    fn what_only_looks_like_text_is_left_alone_when_git_has_to_guess() {
        let ends = LineEnds {
            auto: true,
            crlf: true,
        };
        for bytes in [&b"a\0\r\n"[..], b"a\rb\r\n"] {
            assert_eq!(&*ends.stored(bytes), bytes);
        }
        assert_eq!(&*ends.stored(b"a\r\n"), b"a\n");
    }

    #[test]
    fn attributes_are_read_as_git_reads_them() {
        let lf = Some(LineEnds {
            auto: false,
            crlf: false,
        });
        for (text, eol, expected) in [
            ("unset", "crlf", None),
            ("unspecified", "unspecified", None),
            ("unspecified", "lf", lf),
            ("set", "unspecified", lf),
            (
                "auto",
                "crlf",
                Some(LineEnds {
                    auto: true,
                    crlf: true,
                }),
            ),
        ] {
            assert_eq!(
                treatment(text.as_bytes(), eol.as_bytes()),
                expected,
                "{text} {eol}"
            );
        }
    }
}
