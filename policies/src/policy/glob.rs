//! Lists of globs over the bytes of repository paths (and over test ids).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::path::RepoPath;

/// Globs, anchored at the root: `*` and `?` stay within one component, `**` crosses them.
#[derive(Clone, Default)]
pub struct Globs {
    patterns: Vec<String>,
    compiled: Arc<Compiled>,
}

/// One set for paths, one for texts in which a slash is a letter like any other.
#[derive(Debug, Default)]
struct Compiled {
    paths: GlobSet,
    words: GlobSet,
}

/// A pattern that is no glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a glob: {why}")]
pub struct GlobError {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl Globs {
    /// Compiles the patterns; one that is repeated counts once.
    ///
    /// # Errors
    /// The first pattern that is no glob.
    pub fn new<T: AsRef<str>>(patterns: &[T]) -> Result<Self, GlobError> {
        let mut seen = BTreeSet::new();
        let once = patterns
            .iter()
            .map(AsRef::as_ref)
            .filter(|pattern| seen.insert(*pattern));
        let patterns: Vec<String> = once.map(str::to_owned).collect();
        let paths = compile(&patterns, true)?;
        let words = compile(&patterns, false)?;
        Ok(Self {
            patterns,
            compiled: Arc::new(Compiled { paths, words }),
        })
    }

    /// Whether a path matches one of them.
    pub fn matches(&self, path: &RepoPath) -> bool {
        self.compiled
            .paths
            .is_match(OsStr::from_bytes(path.as_bytes()))
    }

    /// Whether a text that is no path, such as a test id, matches one of them; here `*` matches
    /// slashes too.
    pub fn matches_text(&self, text: &str) -> bool {
        self.compiled.words.is_match(text)
    }

    /// The patterns as written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Whether there is no pattern at all.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

fn compile(patterns: &[String], anchored: bool) -> Result<GlobSet, GlobError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(compile_one(pattern, anchored)?);
    }
    set.build().map_err(|error| glob_error("", &error))
}

fn compile_one(pattern: &str, anchored: bool) -> Result<Glob, GlobError> {
    GlobBuilder::new(pattern)
        .literal_separator(anchored)
        .backslash_escape(true)
        .build()
        .map_err(|error| glob_error(pattern, &error))
}

fn glob_error(pattern: &str, error: &globset::Error) -> GlobError {
    GlobError {
        pattern: pattern.to_owned(),
        why: error.kind().to_string(),
    }
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl std::fmt::Debug for Globs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.patterns.fmt(f)
    }
}

impl Serialize for Globs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.patterns.serialize(serializer)
    }
}

impl JsonSchema for Globs {
    fn schema_name() -> Cow<'static, str> {
        "Globs".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": { "type": "string" },
            "description": "Globs; * stays within one path component, ** crosses them."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_anchored_and_stars_stop_at_slashes() {
        for (pattern, path, expected) in [
            ("*.py", "a.py", true),
            ("*.py", "src/a.py", false),
            ("**/*.py", "a.py", true),
            ("**/*.py", "src/a.py", true),
            ("src/**", "src/a/b", true),
            ("src/**", "lib/src/a", false),
            ("a[0-9]", "a7", true),
            ("*.{test,spec}.*", "a.spec.js", true),
        ] {
            let globs = Globs::new(&[pattern]).unwrap();
            assert_eq!(globs.matches(&path.into()), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn paths_outside_utf8_match_too() {
        let globs = Globs::new(&["*.py"]).unwrap();
        assert!(globs.matches(&RepoPath::new(&b"\xff.py"[..])));
    }

    #[test]
    fn an_id_is_no_path_so_a_star_crosses_slashes() {
        let globs = Globs::new(&["tests/*::network*"]).unwrap();
        assert!(globs.matches_text("tests/a/test_x.py::network_down"));
    }

    #[test]
    fn a_broken_glob_names_the_pattern() {
        let error = Globs::new(&["ok", "a[b"]).unwrap_err();
        assert_eq!(error.pattern, "a[b");
    }
}
