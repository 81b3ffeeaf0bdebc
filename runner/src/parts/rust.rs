//! Test items inside Rust sources, as parts.

use std::collections::{BTreeMap, BTreeSet};

use passmuster_policy::path::RepoPath;
use passmuster_policy::rust_tests::{
    ItemKind, SpanKey, SpliceOptions, Spliced, splice, test_macros, tests_unchanged,
};

/// What has to be known of a whole tree before one of its sources can be taken apart.
#[derive(Clone, Debug, Default)]
pub struct RustTests {
    /// Names of macros that make tests, defined anywhere.
    pub macros: BTreeSet<String>,
    /// Items that stay the product side's, file by file.
    pub kept: BTreeMap<RepoPath, BTreeSet<SpanKey>>,
    /// Functions that are tests on the side that the tests come from.
    pub names: BTreeSet<String>,
}

/// A source with the other side's test items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it says, and where the items stand in it.
    pub spliced: Spliced,
    /// False where the two sides' tests say the same.
    pub matters: bool,
}

/// Most rounds in which macros that invoke others are looked for.
const MACRO_ROUNDS: usize = 8;

impl RustTests {
    /// Looks for macros in the texts of a tree's sources.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let defining = |text: &&str| text.contains("macro_rules") || text.contains("macro ");
        let texts: Vec<&str> = texts.into_iter().filter(defining).collect();
        let mut macros = BTreeSet::new();
        for _ in 0..MACRO_ROUNDS {
            let known = macros.len();
            for text in &texts {
                // What cannot be taken apart does not compile and defines nothing.
                let found = test_macros(text, &macros).unwrap_or_default();
                macros.extend(found);
            }
            if macros.len() == known {
                break;
            }
        }
        Self {
            macros,
            ..Self::default()
        }
    }

    /// `product`'s source with the test items of `tests`; none where one of them cannot be taken apart.
    pub fn put(&self, path: &RepoPath, product: &str, tests: &str) -> Option<Source> {
        let options = SpliceOptions {
            keep: self.kept.get(path).cloned().unwrap_or_default(),
            macros: self.macros.clone(),
        };
        let unchanged = tests_unchanged(tests, product, &self.macros).ok()?;
        let spliced = splice(product, tests, &options).ok()?;
        let matters = !unchanged || self.takes_over(product, tests, &spliced);
        Some(Source { spliced, matters })
    }

    /// Whether tests that are new in a file could stand in for others: by their names, or unnamed in a new
    /// one. Which file is which module is the build's to say, and a change may have it say otherwise.
    fn takes_over(&self, product: &str, tests: &str, spliced: &Spliced) -> bool {
        let known = functions(tests);
        let mut new = functions(product).into_iter();
        let named = new.any(|name| !known.contains(name) && self.names.contains(name));
        let made = |key: &SpanKey| matches!(key.kind, ItemKind::Call | ItemKind::Macro);
        !spliced.differing.is_empty()
            && (named || tests.is_empty() && spliced.differing.iter().any(made))
    }

    /// Whether a source has functions that are called as tests are.
    pub fn names_any(&self, source: &str) -> bool {
        let functions = functions(source);
        functions.iter().any(|name| self.names.contains(*name))
    }

    /// Whether a new source may hold the tests of one that is gone: it is the same module, or all of them
    /// are as they were.
    pub fn is_moved(&self, [gone, new]: [&RepoPath; 2], tests: &str, product: &str) -> bool {
        let (before, after) = (functions(tests), functions(product));
        let tested = before.iter().any(|name| self.names.contains(*name));
        let same = module(gone).is_some() && module(gone) == module(new);
        let unchanged = || {
            before.is_subset(&after)
                && tests_unchanged(tests, product, &self.macros).unwrap_or_default()
        };
        tested && (same || unchanged())
    }
}

/// Names that stand behind `fn`.
fn functions(text: &str) -> BTreeSet<&str> {
    let names = text.split("fn ").skip(1).filter_map(|rest| {
        let name = rest.trim_start();
        let name = name.strip_prefix("r#").unwrap_or(name);
        name.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// The directory of a source's crate, and its module there.
fn module(path: &RepoPath) -> Option<(&str, String)> {
    let (package, _) = path.as_str()?.rsplit_once("src/")?;
    Some((package, module_path(path)?))
}

/// The module path of a source, from the root of its crate; none where only the build knows.
pub fn module_path(path: &RepoPath) -> Option<String> {
    let text = path.as_str()?.strip_suffix(".rs")?;
    let inside = match text.rsplit_once("src/") {
        Some((before, inside)) if before.is_empty() || before.ends_with('/') => inside,
        _ => return None,
    };
    let mut parts: Vec<&str> = inside.split('/').collect();
    if matches!(parts.last(), Some(&("lib" | "main" | "mod"))) {
        parts.pop();
    }
    Some(parts.join("::"))
}

/// How the names of the tests begin that a test item holds. What a macro or an import makes goes by other
/// names than its own, so it stands for the module that it is in.
pub fn test_prefix(path: &RepoPath, key: &SpanKey) -> Option<String> {
    let module = module_path(path)?;
    let named = matches!(key.kind, ItemKind::Function | ItemKind::Module);
    let inside = key.path.iter().map(String::as_str);
    let parts = std::iter::once(module.as_str())
        .chain(inside)
        .chain(named.then_some(key.name.as_str()));
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    Some(parts.join("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_s_module_follows_from_its_path() {
        for (path, expected) in [
            ("src/lib.rs", Some("")),
            ("crates/a/src/lexer.rs", Some("lexer")),
            ("src/a/mod.rs", Some("a")),
            ("src/a/b.rs", Some("a::b")),
            ("tests/it.rs", None),
            ("src/a.txt", None),
        ] {
            assert_eq!(module_path(&path.into()).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn macros_that_make_tests_are_found_through_others() {
        let found = RustTests::of([
            "macro_rules! outer { ($n:ident) => { inner! { $n } } }",
            "macro_rules! inner { ($n:ident) => { #[test] fn $n() {} } }",
            "macro_rules! other { () => {} }",
        ]);
        let made = |name: &str| found.macros.contains(name);
        assert!(
            made("inner") && made("outer") && !made("other"),
            "{:?}",
            found.macros
        );
    }
}
