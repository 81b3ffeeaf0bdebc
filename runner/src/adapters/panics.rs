//! What a Rust panic message says: place, message and both sides of an assertion.

use std::path::Path;

use passmuster_policy::path::RepoPath;
use passmuster_policy::tests::Failure;

use super::ids;

/// The failure that a test's captured output tells of; `message` is the harness's own word, where it has one.
pub(super) fn failure(tree: &Path, package: Option<&Path>, message: &str, output: &str) -> Failure {
    let panic = find(output);
    let said = panic
        .as_ref()
        .map(|panic| panic.message)
        .unwrap_or_default();
    let first = output
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let message = [message, said, first]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    let side = |name: &str| {
        let mut lines = panic.iter().flat_map(|panic| panic.rest.lines().take(8));
        lines
            .find_map(|line| line.trim_start().strip_prefix(name))
            .map(str::to_owned)
    };
    Failure {
        message: message.to_owned(),
        file: panic
            .as_ref()
            .and_then(|panic| source(tree, package, panic.file)),
        line: panic.as_ref().map(|panic| panic.line),
        actual: side("left: "),
        expected: side("right: "),
        detail: output.to_owned(),
    }
}

struct Panic<'a> {
    file: &'a str,
    line: u32,
    message: &'a str,
    /// All that follows the message's first line.
    rest: &'a str,
}

/// The last panic whose place can be read: `… panicked at FILE:LINE:COLUMN:` and the message on the next line.
fn find(output: &str) -> Option<Panic<'_>> {
    let mut starts = output.rmatch_indices("panicked at ");
    starts.find_map(|(at, word)| {
        let (place, rest) = output.get(at + word.len()..)?.split_once('\n')?;
        let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
        let (_, line, file) = (parts.next()?, parts.next()?, parts.next()?);
        let (message, rest) = rest.split_once('\n').unwrap_or((rest, ""));
        Some(Panic {
            file,
            line: line.parse().ok()?,
            message,
            rest,
        })
    })
}

/// A file as rustc names it, relative to the workspace's root: that is the package's directory or one above it, inside the tree.
pub(super) fn source(tree: &Path, package: Option<&Path>, file: &str) -> Option<RepoPath> {
    let inside = package.unwrap_or(tree).strip_prefix(tree).ok()?;
    let package = tree.join(inside);
    let roots = package
        .ancestors()
        .take_while(|root| root.starts_with(tree));
    let roots: Vec<_> = roots.collect();
    let below = |root: &&Path| root.join(file).starts_with(&package);
    let root = roots.into_iter().rev().find(below).unwrap_or(tree);
    ids::in_tree(tree, root, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_gives_place_message_and_both_sides() {
        let output = "noise\n\nthread 'a' (12) panicked at crates/a/src/lib.rs:15:166:\nassertion `left == right` failed: sum\n  left: 2\n right: 3\nnote: …\n";
        let failure = failure(
            Path::new("/t"),
            Some(Path::new("/t/ws/crates/a")),
            "",
            output,
        );
        assert_eq!(failure.message, "assertion `left == right` failed: sum");
        assert_eq!(
            failure.file.map(|file| file.to_string()).as_deref(),
            Some("ws/crates/a/src/lib.rs")
        );
        assert_eq!(failure.line, Some(15));
        assert_eq!(
            (failure.actual.as_deref(), failure.expected.as_deref()),
            (Some("2"), Some("3"))
        );
    }

    #[test]
    fn files_are_found_below_the_workspaces_root() {
        let tree = Path::new("/t");
        for (package, file, expected) in [
            ("/t", "src/lib.rs", Some("src/lib.rs")),
            ("/t/a", "a/src/lib.rs", Some("a/src/lib.rs")),
            ("/t/ws", "src/lib.rs", Some("ws/src/lib.rs")),
            ("/t/a", "/rustc/x/core.rs", None),
            ("/elsewhere", "src/lib.rs", None),
        ] {
            let found = source(tree, Some(Path::new(package)), file).map(|path| path.to_string());
            assert_eq!(found.as_deref(), expected, "{package} {file}");
        }
    }
}
