//! Stacks of JavaScript errors: the first frame in the tree's own files.

use std::path::Path;

use passmuster_policy::path::RepoPath;

use super::ids;

/// File and line of the first frame inside the tree.
pub(super) fn place(stack: &str, tree: &Path, cwd: &Path) -> Option<(RepoPath, u32)> {
    stack.lines().find_map(|line| frame(line, tree, cwd))
}

/// A stack frame inside the tree: `at name (file:///path:line:column)`.
fn frame(line: &str, tree: &Path, cwd: &Path) -> Option<(RepoPath, u32)> {
    let place = line.trim().strip_prefix("at ")?;
    let place = place
        .rsplit_once('(')
        .map_or(place, |(_, place)| place)
        .trim_end_matches(')');
    let mut parts = place.rsplitn(3, ':').skip(1);
    let (line, path) = (parts.next()?.parse().ok()?, parts.next()?);
    let path = path.strip_prefix("async ").unwrap_or(path);
    let absolute = path.starts_with('/') || path.starts_with("file://");
    let inside = absolute && !path.contains("/node_modules/");
    Some((ids::in_tree(tree, cwd, path).filter(|_| inside)?, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_in_the_trees_own_files_is_the_place() {
        let stack = "Error: x\n    at f (node:internal/x:1:2)\n    at g (/t/node_modules/a/b.js:1:1)\n    \
                     at async /t/%C3%A4/a b.js:7:3\n    at /t/later.js:9:1\n";
        let tree = Path::new("/t");
        let found = place(stack, tree, tree).map(|(file, line)| (file.to_string(), line));
        assert_eq!(found, Some(("%C3%A4/a b.js".to_owned(), 7)));
        assert_eq!(place("at (é:1:2)\nat :\nat", tree, tree), None);
    }
}
