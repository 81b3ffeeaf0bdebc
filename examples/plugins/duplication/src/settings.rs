//! The configuration: how large a block must be, and which files are compared.

use guest::config;
use guest::globs::Globs;
use guest::source::Language;
use guest::{CheckError, Severity};

pub(crate) const KEYS: &[&str] = &["min-tokens", "min-lines", "include", "ignore", "severity"];

/// What nobody writes by hand. Names of files, not what they say: a comment would be a way around the check.
const NOT_WRITTEN: &[&str] = &[
    "**/{node_modules,vendor,third_party,third-party,site-packages,dist}/**",
    "**/{generated,__generated__,gen,__snapshots__}/**",
    "**/*.{min.js,min.css,bundle.js,pb.go,pb.cc,pb.h,g.dart}",
    "**/*{_pb2,_pb2_grpc}.{py,pyi}",
    "**/*.{generated,gen}.*",
    "**/*_generated.*",
];

/// The configuration.
#[derive(Debug)]
pub struct Settings {
    pub(crate) min_tokens: usize,
    pub(crate) min_lines: u32,
    include: Option<Globs>,
    ignore: Globs,
    pub(crate) severity: Severity,
    pub(crate) bounds: Bounds,
}

/// How much is read at most. Fixed, so that the same change gets the same answer everywhere; the tests lower them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of one file. Larger sources are data or generated.
    pub(crate) file: u64,
    /// Tokens of the changed files together, on one side: they are kept in memory, up to 200 bytes for each that is added. One
    /// more file of a megabyte may come on top.
    pub(crate) changed_tokens: usize,
    /// Bytes of all files together: some seconds.
    pub(crate) total: u64,
}

impl Bounds {
    pub(crate) const USUAL: Self = Self {
        file: 1 << 20,
        changed_tokens: 600_000,
        total: 256 << 20,
    };
}

impl Settings {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `bad-config`.
    pub fn read(json: &str) -> Result<Self, CheckError> {
        config::read(json, |table| {
            let table = table.only(KEYS)?;
            let mut ignore = table.texts("ignore")?.unwrap_or_default();
            ignore.extend(NOT_WRITTEN);
            let min_tokens = table.number("min-tokens")?.unwrap_or(60);
            if !(20..=10_000).contains(&min_tokens) {
                return Err(table.wrong("min-tokens", "is not between 20 and 10000"));
            }
            let min_lines = table.number("min-lines")?.unwrap_or(6);
            let ignore = Globs::new(ignore);
            Ok(Self {
                min_tokens: usize::try_from(min_tokens).unwrap_or(usize::MAX),
                min_lines: u32::try_from(min_lines).unwrap_or(u32::MAX),
                include: table.globs("include")?,
                ignore: ignore.map_err(|why| table.wrong("ignore", &format!("is wrong: {why}")))?,
                severity: table.severity("severity")?,
                bounds: Bounds::USUAL,
            })
        })
    }

    /// The language in which a file is compared; none for a file that is not.
    pub(crate) fn language_of(&self, path: &str) -> Option<Language> {
        let language = Language::of(path)?;
        let included = self
            .include
            .as_ref()
            .is_none_or(|globs| globs.matches(path));
        (included && !self.ignore.matches(path)).then_some(language)
    }
}

#[cfg(test)]
mod tests {
    use guest::testing::assert_schema_fits;

    use super::*;
    use crate::SCHEMA;

    #[test]
    fn sources_are_compared_unless_nobody_wrote_them() {
        let usual = Settings::read("{}").unwrap();
        for (path, is) in [
            ("src/a.py", true),
            ("a.rs", true),
            ("README.md", false),
            ("package-lock.json", false),
            ("node_modules/a/index.js", false),
            ("web/vendor/a.go", false),
            ("a.min.js", false),
            ("api/user_pb2.py", false),
            ("api/user.pb.go", false),
            ("src/generated/a.ts", false),
        ] {
            assert_eq!(usual.language_of(path).is_some(), is, "{path}");
        }
        let own = Settings::read(r#"{"include": ["src/**"], "ignore": ["src/old/**"]}"#).unwrap();
        for (path, is) in [("src/a.py", true), ("a.py", false), ("src/old/a.py", false)] {
            assert_eq!(own.language_of(path).is_some(), is, "{path}");
        }
    }

    #[test]
    fn a_configuration_that_makes_no_sense_is_refused() {
        for json in [
            r#"{"min-tokens": 3}"#,
            r#"{"min-tokens": "60"}"#,
            r#"{"ignore": ["a["]}"#,
            r#"{"tokens": 60}"#,
        ] {
            assert!(
                matches!(Settings::read(json), Err(CheckError::BadConfig(_))),
                "{json}"
            );
        }
    }

    #[test]
    fn the_schema_is_that_of_the_configuration() {
        assert_schema_fits(SCHEMA, KEYS);
    }
}
