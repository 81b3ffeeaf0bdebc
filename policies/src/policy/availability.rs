//! What the format knows and this version does not do yet.
//!
//! One table; whoever builds a feature deletes its row. A policy that asks for one of these is
//! refused with the place where it asks: a check that silently does less is worse than none.

/// When a row applies to a written key.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// Whatever its value.
    Written,
    /// For these values.
    Is(&'static [&'static str]),
    /// For every value but this one.
    IsNot(&'static str),
}

/// One row of [`TABLE`].
#[derive(Clone, Copy, Debug)]
pub struct Unavailable {
    /// The key's path, without positions; applies wherever a path ends with it.
    pub at: &'static str,
    /// For which values.
    pub when: When,
    /// What to do instead.
    pub instead: &'static str,
}

/// Everything that is refused.
pub const TABLE: &[Unavailable] = &[
    row("check.git", When::Is(&["synthetic"]), "remove it"),
    row("prepare.git", When::Is(&["synthetic"]), "remove it"),
    row("tests.contract", When::Written, "remove it"),
];

const fn row(at: &'static str, when: When, instead: &'static str) -> Unavailable {
    Unavailable { at, when, instead }
}

/// The row that refuses this key with this value; `text` is the value where it is a string.
pub(super) fn refused(path: &str, text: Option<&str>) -> Option<&'static Unavailable> {
    let at = |row: &&Unavailable| {
        path == row.at
            || path
                .strip_suffix(row.at)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let asked = |row: &&Unavailable| match row.when {
        When::Written => true,
        When::Is(values) => text.is_some_and(|text| values.contains(&text)),
        When::IsNot(value) => text.is_some_and(|text| text != value),
    };
    TABLE.iter().filter(at).find(asked)
}
