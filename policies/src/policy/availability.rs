//! What the format knows and this version does not do yet.
//!
//! One table; whoever builds a feature deletes its row. A policy that asks for one of these is
//! refused with the place where it asks: a check that silently does less is worse than none.

/// One row of [`TABLE`].
#[derive(Clone, Copy, Debug)]
pub struct Unavailable {
    /// The key's path, without positions; applies wherever a path ends with it.
    pub at: &'static str,
    /// The values that are refused.
    pub values: &'static [&'static str],
    /// What to do instead.
    pub instead: &'static str,
}

/// Everything that is refused.
pub const TABLE: &[Unavailable] = &[
    row("check.git", &["synthetic"], "remove it"),
    row("prepare.git", &["synthetic"], "remove it"),
];

const fn row(
    at: &'static str,
    values: &'static [&'static str],
    instead: &'static str,
) -> Unavailable {
    Unavailable {
        at,
        values,
        instead,
    }
}

/// The row that refuses this key with this value; `text` is the value where it is a string.
pub(super) fn refused(path: &str, text: Option<&str>) -> Option<&'static Unavailable> {
    let at = |row: &&Unavailable| {
        path == row.at
            || path
                .strip_suffix(row.at)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let asked = |row: &&Unavailable| text.is_some_and(|text| row.values.contains(&text));
    TABLE.iter().filter(at).find(asked)
}
