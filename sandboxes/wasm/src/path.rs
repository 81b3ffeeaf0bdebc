//! The paths of the interface: relative to a root, `/` between the parts, one spelling for each file.

use crate::limits::PATH;

/// Whether a path has one meaning and leads nowhere but below the root: not empty, not absolute, no `..`,
/// `.` or empty part, no NUL, at most [`PATH`] bytes.
pub(crate) fn is_well_formed(path: &str) -> bool {
    path.len() <= PATH
        && !path.contains('\0')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether a path may stand in a report: well-formed, and nothing in it moves a cursor.
pub(crate) fn is_printable(path: &str) -> bool {
    is_well_formed(path) && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_root() {
        for (path, is) in [
            ("a", true),
            ("a/b.c", true),
            ("..a/b..", true),
            ("", false),
            ("/a", false),
            ("a/", false),
            ("a//b", false),
            ("..", false),
            ("a/../b", false),
            ("./a", false),
            ("a\0b", false),
        ] {
            assert_eq!(is_well_formed(path), is, "{path:?}");
        }
        assert!(!is_well_formed(&"a/".repeat(PATH)));
        assert!(is_well_formed("a\nb") && !is_printable("a\nb"));
    }
}
