//! Where the packages of a Go module lie: what `go list` says about packages whose tests failed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Cap of the packages that are asked for at once.
const PACKAGES_CAP: usize = 500;

/// What `go list` is asked: each package's directory and files, without its dependencies.
pub(super) const QUESTION: [&str; 4] = [
    "-e",
    "-find",
    "-f",
    "{{.ImportPath}}\t{{.Dir}}\t{{join .GoFiles \"\t\"}}\t{{join .TestGoFiles \"\t\"}}\t{{join .XTestGoFiles \"\t\"}}",
];

/// Packages in whose events a test fails. Their names are what code under test may have written: none becomes an option.
pub(super) fn failing_packages(stdout: &[u8]) -> BTreeSet<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Failed {
        action: String,
        package: String,
        #[serde(rename = "Test")]
        _test: String,
    }
    stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Failed>(line).ok())
        .filter(|event| event.action == "fail" && !event.package.starts_with('-'))
        .map(|event| event.package)
        .take(PACKAGES_CAP)
        .collect()
}

/// Directories and file names by package.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<String, (PathBuf, BTreeSet<String>)>);

impl Sources {
    /// Reads the answer to [`QUESTION`]; a line that is none is left out.
    pub(super) fn read(stdout: &[u8]) -> Self {
        let text = String::from_utf8_lossy(stdout);
        let packages = text.lines().filter_map(|line| {
            let mut parts = line.split('\t');
            let (package, directory) = (parts.next()?, parts.next()?);
            let files = parts.filter(|name| !name.is_empty()).map(str::to_owned);
            Some((package.to_owned(), (directory.into(), files.collect())))
        });
        Self(packages.collect())
    }

    /// The path of a file that a test of this package named by its base name: none for one of another package.
    pub(super) fn path(&self, package: &str, name: &str) -> Option<PathBuf> {
        if Path::new(name).is_absolute() {
            return Some(name.into());
        }
        let (directory, files) = self.0.get(package)?;
        files.contains(name).then(|| directory.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_in_its_own_package_alone() {
        let sources = Sources::read(b"example.org/a\t/t/a\ta.go\ta_test.go\t\nnoise\n");
        let path = |package, name| sources.path(package, name);
        assert_eq!(
            path("example.org/a", "a_test.go"),
            Some("/t/a/a_test.go".into())
        );
        assert_eq!(path("example.org/a", "helper.go"), None);
        assert_eq!(path("example.org/b", "a.go"), None);
        assert_eq!(path("", "/t/x.go"), Some("/t/x.go".into()));
    }

    #[test]
    fn only_packages_with_a_failed_test_are_asked_for_and_none_as_an_option() {
        let line = |action: &str, package: &str| {
            format!("{{\"Action\":\"{action}\",\"Package\":\"{package}\",\"Test\":\"T\"}}\n")
        };
        let text = [
            line("fail", "b"),
            line("pass", "a"),
            line("fail", "-toolexec=x"),
        ]
        .concat()
            + "{\"Action\":\"fail\",\"Package\":\"c\"}\n";
        assert_eq!(
            failing_packages(text.as_bytes()),
            BTreeSet::from(["b".to_owned()])
        );
    }
}
