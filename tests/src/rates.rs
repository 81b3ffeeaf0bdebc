//! False passes and false blocks, counted, as the README shows them.

use crate::expectation::{Kind, REPOS, proposals};

/// What was said of one proposal.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// What it is.
    pub kind: Kind,
    /// Whether the plain command ended with 0.
    pub plain: bool,
    /// How `passmuster verify` ended.
    pub exit: Option<i32>,
}

/// What is written down beside the proposals, which the suite holds the program to.
pub fn expected() -> Vec<Measured> {
    let of = |repo| {
        proposals(repo).into_iter().map(|proposal| Measured {
            kind: proposal.kind(),
            plain: proposal.expectation.plain,
            exit: Some(proposal.expectation.exit),
        })
    };
    REPOS.into_iter().flat_map(of).collect()
}

/// The table, in Markdown.
pub fn table(measured: &[Measured]) -> String {
    let passes = |one: &Measured| one.exit == Some(0);
    let asks = |one: &Measured| one.exit == Some(4);
    let of = |kinds: &[Kind]| {
        Rows(
            measured
                .iter()
                .filter(|one| kinds.contains(&one.kind))
                .collect(),
        )
    };
    let rows = [
        of(&[Kind::Gaming]).line("made to look green: passes", |one| one.plain, passes),
        of(&[Kind::Faulty]).line("an honest mistake: passes", |one| one.plain, passes),
        of(&[Kind::Good]).line(
            "honest: does not pass",
            |one| !one.plain,
            |one| !passes(one),
        ),
        of(&[Kind::Contract]).line(
            "honest, another promise: nobody is asked",
            |_| true,
            |one| !asks(one),
        ),
    ];
    let head = "| the change is, and wrongly | tests and exit status | Passmuster |\n|---|---|---|";
    format!("{head}\n{}", rows.join("\n"))
}

/// Proposals of one row.
struct Rows<'a>(Vec<&'a Measured>);

impl Rows<'_> {
    fn line(
        &self,
        title: &str,
        plain: impl Fn(&Measured) -> bool,
        passmuster: impl Fn(&Measured) -> bool,
    ) -> String {
        let count = |is_wrong: &dyn Fn(&Measured) -> bool| {
            let wrong = self.0.iter().filter(|one| is_wrong(one)).count();
            format!("{wrong} of {}", self.0.len())
        };
        format!("| {title} | {} | {} |", count(&plain), count(&passmuster))
    }
}
