//! Reading the table. It is ours, so a mistake in it is a bug, but one that must stop a sandbox and
//! not open it.

use std::collections::BTreeMap;

use super::Action;
use super::numbers::number;

/// What is decided about one system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Tried in order.
    pub(super) rules: Vec<Rule>,
    /// When none holds.
    pub(super) otherwise: Action,
}

/// Conditions that must all hold, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) conditions: Vec<Condition>,
    pub(super) action: Action,
}

/// `word & mask == value` on one half of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) argument: u32,
    pub(super) half: Half,
    pub(super) mask: u32,
    pub(super) value: u32,
}

/// The halves of a 64-bit argument; filters compare 32 bits at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Low,
    High,
}

impl Entry {
    /// What these arguments get, as the filter decides it.
    pub(super) fn judge(&self, arguments: &[u64; 6]) -> Action {
        let first = self.rules.iter().find(|rule| rule.holds(arguments));
        first.map_or(self.otherwise, |rule| rule.action)
    }
}

impl Rule {
    fn holds(&self, arguments: &[u64; 6]) -> bool {
        self.conditions.iter().all(|condition| {
            let argument = arguments.get(condition.argument as usize).copied();
            let word = match condition.half {
                Half::Low => argument.map(|argument| argument as u32),
                Half::High => argument.map(|argument| (argument >> 32) as u32),
            };
            word.is_some_and(|word| word & condition.mask == condition.value)
        })
    }
}

/// Entries by system call number; what is missing does not exist for the payload.
pub(super) type Table = BTreeMap<u32, Entry>;

/// Entries by name, while it is not yet known which calls this architecture has.
type Named<'a> = BTreeMap<&'a str, Draft>;

#[derive(Default)]
struct Draft {
    rules: Vec<Rule>,
    otherwise: Option<Action>,
}

/// The table that a text describes, or the line that is wrong.
pub(super) fn parse(text: &str) -> Result<Table, String> {
    let mut named = Named::new();
    for line in text.lines() {
        let words = line.split('#').next().unwrap_or_default();
        read_line(words.trim(), &mut named).ok_or_else(|| line.to_owned())?;
    }
    let mut table = Table::new();
    for (name, draft) in named {
        let otherwise = draft
            .otherwise
            .ok_or_else(|| format!("{name} has no last line"))?;
        // Calls that this architecture never had need no decision.
        if let Some(number) = number(name) {
            table.insert(
                number,
                Entry {
                    rules: draft.rules,
                    otherwise,
                },
            );
        }
    }
    Ok(table)
}

fn read_line<'a>(line: &'a str, named: &mut Named<'a>) -> Option<()> {
    let Some((verb, rest)) = line.split_once(' ') else {
        return line.is_empty().then_some(());
    };
    if verb == "judge" {
        return judge(rest, named);
    }
    let action = action(verb)?;
    rest.split_whitespace()
        .try_for_each(|name| decide(named, name, action))
}

fn judge<'a>(line: &'a str, named: &mut Named<'a>) -> Option<()> {
    let (head, verb) = line.split_once("->")?;
    let action = action(verb.trim())?;
    let (name, conditions) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
    if conditions.is_empty() {
        return decide(named, name, action);
    }
    let conditions = conditions
        .split(" and ")
        .map(condition)
        .collect::<Option<_>>()?;
    let draft = named.entry(name).or_default();
    draft.rules.push(Rule { conditions, action });
    // A rule after the last line could never hold.
    draft.otherwise.is_none().then_some(())
}

/// A second decision about the same call is a contradiction.
fn decide<'a>(named: &mut Named<'a>, name: &'a str, action: Action) -> Option<()> {
    named
        .entry(name)
        .or_default()
        .otherwise
        .replace(action)
        .is_none()
        .then_some(())
}

fn action(verb: &str) -> Option<Action> {
    Some(match verb {
        "allow" => Action::Allow,
        "refuse" => Action::Refuse,
        "report" => Action::Report,
        "watch" => Action::Watch,
        "perform" => Action::Perform,
        "absent" => Action::Absent,
        "unsupported" => Action::Unsupported,
        "pretend" => Action::Pretend,
        _ => return None,
    })
}

fn condition(text: &str) -> Option<Condition> {
    let (left, value) = text.trim().split_once('=')?;
    let (word, mask) = match left.split_once('&') {
        Some((word, mask)) => (word, integer(mask)?),
        None => (left, u32::MAX),
    };
    let (half, argument) = match word.strip_prefix('a') {
        Some(argument) => (Half::Low, argument),
        None => (Half::High, word.strip_prefix('h')?),
    };
    let argument = argument.parse().ok().filter(|argument| *argument < 6)?;
    Some(Condition {
        argument,
        half,
        mask,
        value: integer(value)?,
    })
}

fn integer(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::seccomp::numbers::number;
    use crate::seccomp::{OWN_FILES, STAGE, TABLE};

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn every_name_in_the_table_is_a_system_call() {
        for line in [TABLE, STAGE, OWN_FILES].join("\n").lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line
                .split("->")
                .next()
                .unwrap_or_default()
                .split_whitespace();
            let names: Vec<_> = match words.next() {
                Some("judge") => words.take(1).collect(),
                _ => words.collect(),
            };
            for name in names {
                assert!(number(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn a_wrong_table_is_refused_with_its_line() {
        let cases = [
            "permit read",
            "allow read read",
            "judge socket a0=1 -> allow",
            "judge socket -> allow\njudge socket a0=1 -> refuse",
            "judge socket a9=1 -> allow\njudge socket -> refuse",
            "judge socket a0 -> allow\njudge socket -> refuse",
            "judge socket allow",
            "read",
        ];
        for text in cases {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("# nothing\n\nallow read # why\n").is_ok());
    }
}
