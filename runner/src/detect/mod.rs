//! Detection: what a repository's own files say about how it is tested.
//!
//! Pure: a listing of the base tree goes in, checks and steps with their evidence come out, and
//! [`policy_text`] writes them as a commented policy. Nothing of the tree is executed.

mod ci;
mod hosts;
mod listing;
mod node;
mod other;
mod python;
mod rust;
mod text;

pub use listing::Listing;
pub use text::{policy_text, policy_text_after_trial};

/// What was looked for, for the message that nothing was found.
pub const LOOKED_FOR: &str = "Cargo.toml; Python test files beside pyproject.toml, setup.py, setup.cfg, \
    pytest.ini or tox.ini; a test script or *.test.js files beside package.json; go.mod; a `test` target in a \
    Makefile or justfile";

/// Everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// Presets and toolchains by their policy names.
    pub languages: Vec<Language>,
    /// Whether something is compiled or linked: the toolchain `cc` is needed.
    pub compiles: bool,
    /// Steps, in order.
    pub steps: Vec<Step>,
    /// Checks, in order.
    pub checks: Vec<Check>,
    /// What the policy does not do and why, and what the repository's CI runs. One line each.
    pub notes: Vec<String>,
}

impl Detected {
    /// Whether there is nothing that a policy could require.
    pub fn is_empty(&self) -> bool {
        !self.checks.iter().any(|check| check.off.is_none())
    }

    fn language(&mut self, language: Language) {
        if !self.languages.contains(&language) {
            self.languages.push(language);
        }
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

/// A language: its name is both a preset's and a toolchain's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// Node.
    Node,
    /// Go.
    Go,
}

impl Language {
    /// The word in a policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::Node => "node",
            Self::Go => "go",
        }
    }
}

/// A `[[prepare]]` step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Unique name.
    pub name: String,
    /// The command.
    pub run: Vec<String>,
    /// Directory below the tree's root; empty: the root.
    pub cwd: String,
    /// Which project of the repository it serves; not written.
    pub project: String,
    /// Globs of the files that it sees and is keyed by; empty: the whole tree.
    pub inputs: Vec<String>,
    /// A build cache that the check's own command brings up to date.
    pub warm: bool,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// PATH entries that it adds.
    pub path: Vec<String>,
    /// Why it is there, one sentence each.
    pub why: Vec<String>,
}

/// A `[[check]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Unique name.
    pub name: String,
    /// The framework of a test check.
    pub framework: Option<&'static str>,
    /// How a lint check reports. Neither this nor a framework: a `command` check.
    pub lint: Option<Lint>,
    /// The command.
    pub run: Vec<String>,
    /// Directory below the tree's root; empty: the root.
    pub cwd: String,
    /// Which project of the repository it checks; not written.
    pub project: String,
    /// The steps that it needs; none: all of them.
    pub needs: Option<Vec<String>>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// Reported, but does not decide.
    pub optional: bool,
    /// Written as a comment, for this reason.
    pub off: Option<String>,
    /// The evidence, one sentence each.
    pub why: Vec<String>,
}

/// How a linter reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lint {
    /// In a format, by its word in a policy.
    Report(&'static str),
    /// In cargo's, with the status that cargo ends with when something does not build.
    Cargo,
    /// By naming the files that it would change.
    Files,
}

/// Looks at a base tree. `has` tells whether the operator has a program of that name.
pub fn detect(listing: &Listing<'_>, has: &dyn Fn(&str) -> bool) -> Detected {
    let mut found = Detected::default();
    let ci = ci::commands(listing);
    rust::detect(listing, has, &ci, &mut found);
    mark(&mut found, "rust");
    python::detect(listing, has, &mut found);
    mark(&mut found, "python");
    node::detect(listing, &mut found);
    mark(&mut found, "node");
    other::detect(listing, has, &mut found);
    mark(&mut found, "other");
    if !ci.is_empty() {
        found.note("The repository's CI runs, among others:");
        found
            .notes
            .extend(ci.iter().map(|command| format!("  {command}")));
    }
    unique_names(&mut found);
    set_needs(&mut found);
    found
}

/// Says which project each new step and check belongs to: its language and directory.
fn mark(found: &mut Detected, language: &str) {
    let project = |dir: &str| format!("{language}:{dir}");
    for step in found
        .steps
        .iter_mut()
        .filter(|step| step.project.is_empty())
    {
        step.project = project(&step.cwd);
    }
    for check in found
        .checks
        .iter_mut()
        .filter(|check| check.project.is_empty())
    {
        check.project = project(&check.cwd);
    }
}

/// A check waits for its own project's steps, so that one broken environment spoils one project.
fn set_needs(found: &mut Detected) {
    for check in &mut found.checks {
        let (own, other): (Vec<&Step>, Vec<&Step>) = found
            .steps
            .iter()
            .partition(|step| step.project == check.project);
        if !other.is_empty() {
            check.needs = Some(own.into_iter().map(|step| step.name.clone()).collect());
        }
    }
}

/// Longest name before a number is added; the policy format allows 64 characters.
const NAME_LIMIT: usize = 56;

/// Two projects of one kind: the second and later are told apart by their directory, then by number.
fn unique_names(found: &mut Detected) {
    let steps = found
        .steps
        .iter_mut()
        .map(|step| (&mut step.name, step.cwd.as_str()));
    rename(steps);
    let checks = found
        .checks
        .iter_mut()
        .map(|check| (&mut check.name, check.cwd.as_str()));
    rename(checks);
}

fn rename<'a>(named: impl Iterator<Item = (&'a mut String, &'a str)>) {
    let mut seen: Vec<String> = Vec::new();
    for (name, directory) in named {
        if seen.contains(name) && !directory.is_empty() {
            let suffix = directory.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            *name = format!("{name}-{suffix}")
                .chars()
                .take(NAME_LIMIT)
                .collect();
        }
        let base = name.clone();
        let mut number = 2;
        while seen.contains(name) {
            *name = format!("{base}-{number}");
            number += 1;
        }
        seen.push(name.clone());
    }
}

/// Words of a command from text without quotes or other work for a shell.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A path below a project's directory.
fn join(dir: &str, path: &str) -> String {
    if dir.is_empty() {
        path.to_owned()
    } else {
        format!("{dir}/{path}")
    }
}

/// `in sub/dir` for people; nothing at the root.
fn place(dir: &str) -> String {
    if dir.is_empty() {
        String::new()
    } else {
        format!(" in {dir}")
    }
}
