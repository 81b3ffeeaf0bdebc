//! A place in the tree, as forges and editors name it: relative to the root of the repository.

use passmuster_policy::finding::Lines;
use passmuster_policy::path::RepoPath;
use passmuster_policy::text::id;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What a path segment of a URI may hold as it is, without `:`, which would end a scheme, and the slash between them.
const IN_A_URI: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A file of the tree, and lines of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    path: RepoPath,
    lines: Option<Lines>,
}

impl Place {
    /// None where the path leads out of the tree or to nothing: no reader should be led there.
    pub(super) fn of(path: &RepoPath, lines: Option<Lines>) -> Option<Self> {
        let leads_out = |part: &[u8]| matches!(part, b"" | b"." | b"..") || part.contains(&0);
        if path.components().any(leads_out) {
            return None;
        }
        let from_one = |lines: Lines| Lines {
            start: lines.start.max(1),
            end: lines.end.max(lines.start).max(1),
        };
        Some(Self {
            path: path.clone(),
            lines: lines.map(from_one),
        })
    }

    /// The tree as a whole.
    pub(super) fn root() -> Self {
        Self {
            path: RepoPath::from("."),
            lines: None,
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &RepoPath {
        &self.path
    }

    /// The lines, counted from 1.
    pub(super) fn lines(&self) -> Option<Lines> {
        self.lines
    }

    /// The path where it can be shown as it is, else with escapes.
    pub(super) fn text(&self) -> String {
        match self.path.as_str() {
            Some(plain) if id(plain) == plain => plain.to_owned(),
            _ => id(&self.path.to_string()),
        }
    }

    /// `path:line`.
    pub(super) fn with_line(&self) -> String {
        match self.lines {
            Some(lines) => format!("{}:{}", self.text(), lines.start),
            None => self.text(),
        }
    }

    /// A relative URI reference of exactly these bytes.
    pub(super) fn uri(&self) -> String {
        percent_encode(self.path.as_bytes(), IN_A_URI).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_holds_the_bytes_of_the_path_and_nothing_that_a_reader_could_take_for_more() {
        for (path, uri) in [
            (&b"src/a b.rs"[..], "src/a%20b.rs"),
            (b"a:b?c#d%e", "a%3Ab%3Fc%23d%25e"),
            ("é\u{202e}".as_bytes(), "%C3%A9%E2%80%AE"),
            (b"\xff\n", "%FF%0A"),
            (b"a-._~z", "a-._~z"),
        ] {
            let place = Place::of(&RepoPath::new(path), None).unwrap();
            assert_eq!(place.uri(), uri);
        }
    }

    #[test]
    fn a_path_that_leads_out_of_the_tree_is_no_place() {
        for path in [
            "/etc/passwd",
            "../x",
            "a/../b",
            "",
            "./a",
            "a//b",
            "a\0b",
            "a/",
        ] {
            assert_eq!(Place::of(&path.into(), None), None, "{path:?}");
        }
    }

    #[test]
    fn a_path_is_shown_as_it_is_unless_that_would_move_something() {
        for (path, text) in [
            (&br"a\b"[..], r"a\b"),
            (b"a\nb", r"a\\x0ab".replace(r"\\", r"\").as_str()),
            ("a\u{202e}b".as_bytes(), r"a\u{202e}b"),
        ] {
            let lines = Some(Lines { start: 0, end: 0 });
            let place = Place::of(&RepoPath::new(path), lines).unwrap();
            assert_eq!(place.with_line(), format!("{text}:1"));
        }
    }
}
