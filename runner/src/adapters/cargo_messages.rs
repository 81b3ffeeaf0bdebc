//! Cargo's own JSON messages: what was built, what was fresh, and the first error of what was not built.

use std::collections::BTreeMap;
use std::path::Path;

use passmuster_policy::path::RepoPath;
use passmuster_policy::run::BrokenUnit;
use passmuster_policy::tests::Failure;
use serde::Deserialize;

use super::draft::head;
use super::{ids, panics};

/// What one cargo command said about its build.
#[derive(Debug, Default)]
pub(super) struct Build {
    /// Test executables, by path as cargo wrote it.
    pub(super) executables: BTreeMap<String, Unit>,
    /// Targets that did not compile, each with its first error.
    pub(super) broken: Vec<BrokenUnit>,
    /// Manifest directories of packages of the tree whose code was not compiled in this run.
    pub(super) fresh: Vec<RepoPath>,
    /// Whether all was built; none where cargo did not get to say so.
    pub(super) success: Option<bool>,
    /// The compiler's messages, for people.
    pub(super) rendered: String,
}

/// A target that is tested as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// The package's name.
    pub(super) package: String,
    /// `lib`, `bin`, `test`, `bench`, `example` or another kind of library.
    pub(super) kind: String,
    /// The target's name.
    pub(super) target: String,
}

impl Unit {
    /// The unit's name, equal to nextest's binary id.
    pub(super) fn name(&self) -> String {
        let Self {
            package,
            kind,
            target,
        } = self;
        match kind.as_str() {
            "test" => format!("{package}::{target}"),
            "bin" | "bench" | "example" => format!("{package}::{kind}/{target}"),
            _ => package.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerArtifact(Artifact),
    #[serde(rename = "compiler-message")]
    Diagnosed {
        package_id: String,
        manifest_path: String,
        target: Target,
        message: Diagnostic,
    },
    BuildFinished {
        success: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Artifact {
    package_id: String,
    manifest_path: String,
    target: Target,
    executable: Option<String>,
    fresh: bool,
    profile: Profile,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    message: String,
    level: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    is_primary: bool,
}

/// Reads cargo's standard output; lines that are no message belong to somebody else and are left out.
pub(super) fn read(stdout: &[u8], tree: &Path) -> Build {
    let mut reader = Reader {
        tree,
        build: Build::default(),
        broken: BTreeMap::new(),
        compiled: BTreeMap::new(),
    };
    for line in stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"{"))
    {
        if let Ok(message) = serde_json::from_slice(line) {
            reader.message(message);
        }
    }
    let fresh = reader
        .compiled
        .into_iter()
        .filter(|(_, compiled)| !compiled);
    reader.build.fresh = fresh.map(|(manifest, _)| manifest).collect();
    reader.build
}

struct Reader<'a> {
    tree: &'a Path,
    build: Build,
    /// Units that did not compile → their place in the build's list.
    broken: BTreeMap<String, usize>,
    /// Manifest directories in the tree → whether any of its own code was compiled.
    compiled: BTreeMap<RepoPath, bool>,
}

impl Reader<'_> {
    fn message(&mut self, message: Line) {
        match message {
            Line::CompilerArtifact(artifact) => self.artifact(artifact),
            Line::Diagnosed {
                package_id,
                manifest_path,
                target,
                message,
            } => {
                self.diagnostic(&unit(&package_id, &target), &manifest_path, message);
            }
            Line::BuildFinished { success } => self.build.success = Some(success),
            Line::Other => {}
        }
    }

    fn artifact(&mut self, artifact: Artifact) {
        let unit = unit(&artifact.package_id, &artifact.target);
        let own_code = !matches!(
            unit.kind.as_str(),
            "test" | "bench" | "example" | "custom-build"
        );
        if let Some(directory) = self.directory(&artifact.manifest_path).filter(|_| own_code) {
            *self.compiled.entry(directory).or_default() |= !artifact.fresh;
        }
        if let Some(executable) = artifact.executable.filter(|_| artifact.profile.test) {
            self.build.executables.insert(executable, unit);
        }
    }

    /// A package at the tree's own root has the directory `.`.
    fn directory(&self, manifest: &str) -> Option<RepoPath> {
        let directory = Path::new(manifest).parent()?;
        if directory == self.tree {
            return Some(RepoPath::from("."));
        }
        ids::in_tree(self.tree, self.tree, directory.to_str()?)
    }

    fn diagnostic(&mut self, unit: &Unit, manifest: &str, message: Diagnostic) {
        self.build
            .rendered
            .push_str(message.rendered.as_deref().unwrap_or_default());
        if message.level != "error" {
            return;
        }
        let span = message.spans.iter().find(|span| span.is_primary);
        let file = span.and_then(|span| {
            panics::source(self.tree, Path::new(manifest).parent(), &span.file_name)
        });
        let line = span.map(|span| span.line_start);
        let unit = unit.name();
        match self
            .broken
            .get(&unit)
            .and_then(|at| self.build.broken.get_mut(*at))
        {
            Some(known) => {
                let room = BrokenUnit::MORE_CAP.saturating_sub(known.more.len());
                known.more.extend(file.zip(line).into_iter().take(room));
            }
            None => {
                self.broken.insert(unit.clone(), self.build.broken.len());
                self.build.broken.push(BrokenUnit {
                    unit,
                    file,
                    line,
                    message: head(&message.message, Failure::MESSAGE_CAP).to_owned(),
                    more: Vec::new(),
                });
            }
        }
    }
}

fn unit(package_id: &str, target: &Target) -> Unit {
    Unit {
        package: package_name(package_id).to_owned(),
        kind: target.kind.first().cloned().unwrap_or_default(),
        target: target.name.clone(),
    }
}

/// The name in a package id: `…#name@1.0.0`, or `…/name#1.0.0` where the directory is called like the package.
fn package_name(id: &str) -> &str {
    let (url, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    match fragment.rsplit_once('@') {
        Some((name, _)) => name,
        None => url
            .split('?')
            .next()
            .unwrap_or(url)
            .rsplit('/')
            .next()
            .unwrap_or(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names_are_read_from_both_forms_of_ids() {
        assert_eq!(package_name("path+file:///w/foo#0.1.0"), "foo");
        assert_eq!(package_name("path+file:///w/dir#foo@0.1.0"), "foo");
        assert_eq!(package_name("git+https://h/x/foo?rev=1#0.1.0"), "foo");
        assert_eq!(package_name(""), "");
    }

    #[test]
    fn a_compile_error_names_its_unit_file_and_line() {
        let line = r#"{"reason":"compiler-message","package_id":"path+file:///t/ws/a#0.1.0","manifest_path":"/t/ws/a/Cargo.toml","target":{"kind":["test"],"name":"it"},"message":{"message":"mismatched types","level":"error","rendered":"error: …\n","spans":[{"file_name":"a/tests/it.rs","line_start":7,"is_primary":true}]}}"#;
        let build = read(line.as_bytes(), Path::new("/t"));
        let broken = &build.broken[0];
        assert_eq!(broken.unit, "a::it");
        assert_eq!(
            broken.file.as_ref().map(ToString::to_string).as_deref(),
            Some("ws/a/tests/it.rs")
        );
        assert_eq!(broken.line, Some(7));
    }
}
