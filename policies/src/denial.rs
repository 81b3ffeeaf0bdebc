//! What the sandbox refused to a run: no judgement, but often the reason of one.
//!
//! A test that fails because it needs a network, a change that looks for credentials and a plain
//! mistake end in the same way. This tells them apart for whoever reads the verdict. It decides
//! nothing and is no part of the digest: what is refused is not a function of the tree alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::TreeRole;
use crate::text;

/// Most entries of one check in the verdict.
const CAP: usize = 64;
/// Most bytes of a target or a process's name.
const LONGEST: usize = 256;

/// What kind of thing was refused.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DenialKind {
    /// An address outside the sandbox; there is no way to it.
    Network,
    /// The name of a machine; none is found.
    NameLookup,
    /// A decoy was opened: a file in a place where only who looks for credentials looks.
    Decoy,
    /// A file outside the writable places was to be made.
    Write,
    /// A system call that no command may make.
    SystemCall,
}

/// The same thing, refused once or more. Text in it comes from the run: data, never instruction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Denial {
    /// What kind of thing.
    pub kind: DenialKind,
    /// The address, name or path; null where there is none.
    pub target: Option<String>,
    /// The system call; null where it was not seen.
    pub syscall: Option<String>,
    /// The process's own name for itself; null where it was not seen.
    pub process: Option<String>,
    /// How many times.
    pub count: u64,
}

impl Denial {
    /// Whether it was about reaching other machines.
    pub fn is_network(&self) -> bool {
        matches!(self.kind, DenialKind::Network | DenialKind::NameLookup)
    }

    /// What was tried, in words and fit to be shown.
    pub fn describe(&self) -> String {
        let target = self.target.as_deref().unwrap_or("something");
        let call = self.syscall.as_deref().unwrap_or("a call");
        let what = match self.kind {
            DenialKind::Network => {
                format!("{} {target}", self.syscall.as_deref().unwrap_or("connect"))
            }
            DenialKind::NameLookup => format!("look up {target}"),
            DenialKind::Decoy => format!("open {target}"),
            DenialKind::Write => format!("write {target}"),
            DenialKind::SystemCall => match &self.target {
                Some(target) => format!("{call} ({target})"),
                None => call.to_owned(),
            },
        };
        let by = self
            .process
            .as_ref()
            .map(|process| format!(" by {process}"));
        let times = (self.count > 1).then(|| format!(", {} times", self.count));
        let text = format!(
            "{what}{}{}",
            by.unwrap_or_default(),
            times.unwrap_or_default()
        );
        text::line(&text, 2 * LONGEST)
    }

    /// The same, fit to be shown.
    pub fn shown(&self) -> Self {
        let shown = |part: &Option<String>| part.as_deref().map(|text| text::line(text, LONGEST));
        Self {
            target: shown(&self.target),
            syscall: shown(&self.syscall),
            process: shown(&self.process),
            ..self.clone()
        }
    }
}

/// A denial and the tree on which it happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct TreeDenial {
    /// The tree.
    pub tree: TreeRole,
    /// What was refused.
    #[serde(flatten)]
    pub denial: Denial,
}

/// Those of a check's two runs, what matters most first, fit to be shown and not too many.
pub fn of_runs(base: &[Denial], candidate: &[Denial]) -> Vec<TreeDenial> {
    let on = |tree, denials: &[Denial]| {
        let denials = denials.iter().map(Denial::shown);
        denials
            .map(|denial| TreeDenial { tree, denial })
            .collect::<Vec<_>>()
    };
    let mut all = on(TreeRole::Candidate, candidate);
    all.extend(on(TreeRole::Base, base));
    all.sort_by(|one, other| (one.denial.kind, one).cmp(&(other.denial.kind, other)));
    all.truncate(CAP);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(kind: DenialKind, target: &str) -> Denial {
        Denial {
            kind,
            target: Some(target.to_owned()),
            syscall: Some("connect".to_owned()),
            process: Some("a\u{1b}[2Jb\n".to_owned()),
            count: 2,
        }
    }

    #[test]
    fn what_the_run_wrote_is_shown_as_plain_text_within_bounds() {
        let many: Vec<_> = (0..100)
            .map(|number| denial(DenialKind::SystemCall, &"x".repeat(number)))
            .collect();
        let network = [denial(DenialKind::Network, "192.0.2.1:443")];
        let shown = of_runs(&network, &many);
        assert_eq!(shown.len(), CAP);
        assert_eq!(shown[0].tree, TreeRole::Base);
        assert_eq!(shown[0].denial.process.as_deref(), Some("ab "));
        let text = network[0].describe();
        assert_eq!(text, "connect 192.0.2.1:443 by ab , 2 times");
        let long = denial(DenialKind::Write, &"é".repeat(10_000));
        assert!(long.describe().len() <= 2 * LONGEST + '…'.len_utf8());
    }
}
