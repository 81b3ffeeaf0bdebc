//! Who may approve: the operator's list, in the form of OpenSSH's `allowed_signers`.
//!
//! ```text
//! ana@example.org namespaces="passmuster",valid-before="20270101Z" ssh-ed25519 AAAA… comment
//! ```
//!
//! A list may be the one that git uses. Lines of other algorithms are left out, since no ed25519 signature is theirs; so are
//! `cert-authority` lines: such a key signs certificates, and is nobody's own. A line that is wrong in any other way makes the whole
//! list unusable, for it may have been meant to restrict. Validity is measured at the time of who asks, never at the time that a
//! signature claims; moments without a `Z` are UTC as well.

use std::path::{Path, PathBuf};

use passmuster_policy::gate::Approver;
use passmuster_policy::moment::Moment;
use passmuster_policy::text;
use thiserror::Error;

use super::public::{FILE_CAP, PublicKey, lines, of_line};
use super::read_file;
use super::sshsig::NAMESPACE;

/// Most bytes of a line's principals in a message.
const PRINCIPALS: usize = 200;

/// The list cannot be used. Exit code 2.
#[derive(Debug, Error)]
pub enum SignersError {
    /// The file cannot be read.
    #[error("cannot read the approvers {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not of the form.
    #[error("{}: {why} in the line that begins with `{start}`", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// How the line begins.
        start: String,
        /// What is wrong.
        why: String,
    },
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    principals: String,
    key: PublicKey,
    namespaces: Option<String>,
    after: Option<Moment>,
    before: Option<Moment>,
}

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signers(Vec<Entry>);

impl Signers {
    /// Reads a list.
    pub fn read(path: &Path) -> Result<Self, SignersError> {
        let bytes = read_file(path, FILE_CAP).map_err(|source| SignersError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let content = String::from_utf8_lossy(&bytes);
        let entry = |line: &str| {
            entry(line).map_err(|why| SignersError::Line {
                path: path.to_owned(),
                start: text::line(line, 40),
                why,
            })
        };
        let entries: Result<Vec<Option<Entry>>, _> = lines(&content).map(entry).collect();
        Ok(Self(entries?.into_iter().flatten().collect()))
    }

    /// The keys of the list, whatever it says of them.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter().map(|entry| &entry.key)
    }

    /// Whether this key may approve at this moment.
    #[must_use]
    pub fn approver(&self, key: &PublicKey, now: Moment) -> Approver {
        let objections: Vec<Option<&str>> = self
            .0
            .iter()
            .filter(|entry| entry.key == *key)
            .map(|entry| entry.objection(now))
            .collect();
        let own = self.0.iter().filter(|entry| entry.key == *key);
        let fitting = own
            .zip(&objections)
            .find(|(_, objection)| objection.is_none());
        if let Some((entry, _)) = fitting {
            return Approver::Listed {
                principals: text::line(&entry.principals, PRINCIPALS),
            };
        }
        let why = objections.into_iter().flatten().next();
        Approver::Refused {
            why: format!(
                "one by {}, {}",
                key.fingerprint(),
                why.unwrap_or("which the list of approvers does not have")
            ),
        }
    }
}

impl Entry {
    fn objection(&self, now: Moment) -> Option<&'static str> {
        let for_us = self
            .namespaces
            .as_ref()
            .is_none_or(|list| matches_list(NAMESPACE, list));
        let excludes = |one: &str| one.trim().starts_with('!');
        let names = |one: &str| !one.trim().is_empty() && !excludes(one);
        match () {
            // Who is meant depends on a name that a signature does not bear.
            () if self.principals.split(',').any(excludes) => {
                Some("whose line in the list of approvers excludes somebody by name")
            }
            // OpenSSH matches such a line with nobody either.
            () if !self.principals.split(',').any(names) => {
                Some("whose line in the list of approvers names nobody")
            }
            () if !for_us => {
                Some("whose namespaces in the list of approvers leave out `passmuster`")
            }
            () if self.after.is_some_and(|after| now < after) => {
                Some("which the list of approvers accepts later only (valid-after)")
            }
            () if self.before.is_some_and(|before| now > before) => {
                Some("which the list of approvers accepts no longer (valid-before)")
            }
            () => None,
        }
    }
}

/// A line; none where its key can sign nothing here.
fn entry(line: &str) -> Result<Option<Entry>, String> {
    let (principals, rest) = word(line)?;
    let (second, after_second) = word(rest)?;
    let (options, (algorithm, rest)) = match is_algorithm(second) {
        true => ("", (second, after_second)),
        false => (second, word(after_second)?),
    };
    let (base64, _) = word(rest)?;
    if !is_algorithm(algorithm) || base64.is_empty() {
        return Err("`principals [options] ssh-ed25519 AAAA…` is expected".to_owned());
    }
    let options = Options::parse(options)?;
    if algorithm != "ssh-ed25519" || options.authority {
        return Ok(None);
    }
    Ok(Some(Entry {
        principals: unquoted(principals).to_owned(),
        key: of_line(&format!("{algorithm} {base64}"))?,
        namespaces: options.namespaces,
        after: options.after,
        before: options.before,
    }))
}

/// Whether a word names a kind of key rather than options.
fn is_algorithm(word: &str) -> bool {
    let starts = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-", "webauthn-sk-"];
    starts.iter().any(|start| word.starts_with(start)) && !word.contains(['=', '"'])
}

/// The next word and what follows it; blanks between double quotes belong to the word.
fn word(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim_start();
    let end = end_of(text, |one| one == ' ' || one == '\t')?;
    Ok(text.split_at(end))
}

/// Where the first such character outside of double quotes is, or the end.
fn end_of(text: &str, is_end: impl Fn(char) -> bool) -> Result<usize, String> {
    let mut quoted = false;
    for (at, one) in text.char_indices() {
        match one {
            '"' => quoted = !quoted,
            one if !quoted && is_end(one) => return Ok(at),
            _ => {}
        }
    }
    match quoted {
        true => Err("a quotation mark is never closed".to_owned()),
        false => Ok(text.len()),
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// What a line says of its key.
#[derive(Debug, Default)]
struct Options {
    authority: bool,
    namespaces: Option<String>,
    after: Option<Moment>,
    before: Option<Moment>,
}

impl Options {
    /// Reads `name` and `name="value"`, separated by commas. Each once: what two would mean is anybody's guess.
    fn parse(mut text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        while !text.is_empty() {
            let (option, rest) = text.split_at(end_of(text, |one| one == ',')?);
            text = rest.strip_prefix(',').unwrap_or(rest);
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = unquoted(value);
            let again = match name.to_ascii_lowercase().as_str() {
                "cert-authority" if value.is_empty() => {
                    std::mem::replace(&mut found.authority, true)
                }
                "namespaces" => found.namespaces.replace(value.to_owned()).is_some(),
                "valid-after" => found.after.replace(moment(value)?).is_some(),
                "valid-before" => found.before.replace(moment(value)?).is_some(),
                other => return Err(format!("`{}` is no option", text::line(other, 40))),
            };
            if again {
                return Err(format!("`{name}` stands there twice"));
            }
        }
        Ok(found)
    }
}

fn moment(value: &str) -> Result<Moment, String> {
    Moment::parse_compact(value).ok_or_else(|| {
        let value = text::line(value, 40);
        format!(
            "`{value}` is no time (YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, Z behind it for UTC)"
        )
    })
}

/// OpenSSH's pattern lists: separated by commas, `*` and `?`, and a match of one with `!` before it is none of the whole.
fn matches_list(name: &str, list: &str) -> bool {
    let patterns = || list.split(',');
    let refused = patterns().filter_map(|pattern| pattern.strip_prefix('!'));
    !refused.into_iter().any(|pattern| matches(name, pattern))
        && patterns().any(|pattern| matches(name, pattern))
}

/// Greedy, back to the last star where that fails: the time is bounded by the product of the lengths.
fn matches(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.as_bytes(), pattern.as_bytes());
    let (mut at, mut next) = (0, 0);
    // Where the last star is, and up to where it reaches in the name.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(at) {
        match pattern.get(next) {
            Some(b'*') => {
                star = Some((next, at));
                next += 1;
            }
            Some(one) if *one == b'?' || one == byte => (at, next) = (at + 1, next + 1),
            _ => {
                let Some((place, reached)) = star else {
                    return false;
                };
                star = Some((place, reached + 1));
                (at, next) = (reached + 1, place + 1);
            }
        }
    }
    let rest = pattern.get(next..).unwrap_or_default();
    rest.iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAeq0vPW9mE8ynjHXcuRSjWGZC+1vSwPXCGQLq/7mCv5";

    fn now() -> Moment {
        Moment::parse("2026-11-29T12:00:00Z").unwrap()
    }

    /// What a list says of the key.
    fn asked(list: &str) -> Result<Approver, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("approvers");
        std::fs::write(&file, list).unwrap();
        let signers = Signers::read(&file).map_err(|error| error.to_string())?;
        Ok(signers.approver(&of_line(KEY).unwrap(), now()))
    }

    #[test]
    fn a_listed_key_may_approve_within_what_the_list_says() {
        for (options, principals) in [
            ("ana ", "ana"),
            ("ana,bob@x.org\t", "ana,bob@x.org"),
            ("\"ana maria\" ", "ana maria"),
            ("* namespaces=\"passmuster\" ", "*"),
            ("ana namespaces=\"git,pass*\" ", "ana"),
            ("ana namespaces=\"*,!git\" ", "ana"),
            (
                "ana valid-after=\"20261129\",valid-before=\"20261129120000Z\" ",
                "ana",
            ),
            (
                "# nobody\n\nother sk-ssh-ed25519@openssh.com AAAA\nrsa ssh-rsa AAAA\n  ana ",
                "ana",
            ),
        ] {
            let expected = Approver::Listed {
                principals: principals.to_owned(),
            };
            assert_eq!(
                asked(&format!("{options}{KEY} a comment\n")),
                Ok(expected),
                "{options}"
            );
        }
        let later = format!("ana valid-after=\"2030\"{KEY}");
        assert!(asked(&later).is_err());
    }

    #[test]
    fn a_key_that_the_list_keeps_from_approving_does_not() {
        for (list, why) in [
            (String::new(), "does not have"),
            (format!("# ana {KEY}"), "does not have"),
            (format!("\" , \" {KEY}"), "names nobody"),
            (format!("!ana {KEY}"), "excludes somebody"),
            (format!("ana,!bob {KEY}"), "excludes somebody"),
            (
                format!("ana namespaces=\" passmuster\" {KEY}"),
                "namespaces",
            ),
            (format!("ana cert-authority {KEY}"), "does not have"),
            (
                format!("ana cert-authority,namespaces=\"passmuster\" {KEY}"),
                "does not have",
            ),
            (format!("ana namespaces=\"git\" {KEY}"), "namespaces"),
            (format!("ana namespaces=\"\" {KEY}"), "namespaces"),
            (
                format!("ana namespaces=\"*,!pass?uster\" {KEY}"),
                "namespaces",
            ),
            (format!("ana NAMESPACES=\"file\" {KEY}"), "namespaces"),
            (format!("ana valid-after=\"202611291201\" {KEY}"), "later"),
            (
                format!("ana valid-before=\"20261129115959Z\" {KEY}"),
                "no longer",
            ),
        ] {
            let found = asked(&list).unwrap();
            assert!(
                matches!(&found, Approver::Refused { why: said } if said.contains(why)),
                "{list}: {found:?}"
            );
        }
        let second = format!("old valid-before=\"20200101\" {KEY}\nana {KEY}");
        assert!(
            matches!(asked(&second), Ok(Approver::Listed { principals }) if principals == "ana")
        );
    }

    #[test]
    fn a_list_with_a_line_that_is_wrong_is_not_used_at_all() {
        for (line, said) in [
            (KEY.to_owned(), "expected"),
            ("ana".to_owned(), "expected"),
            ("ana ssh-ed25519".to_owned(), "expected"),
            (format!("ana namespace=\"git\" {KEY}"), "no option"),
            (format!("ana valid-before=\"soon\" {KEY}"), "no time"),
            (
                format!("ana valid-before=\"20200101\",valid-before=\"20990101\" {KEY}"),
                "twice",
            ),
            (format!("ana namespaces=\"git {KEY}"), "never closed"),
            ("ana ssh-ed25519 AAAA".to_owned(), "does not parse"),
        ] {
            let found = asked(&format!("ana {KEY}\n{line}\n")).unwrap_err();
            assert!(found.contains(said), "{line}: {found}");
        }
    }

    #[test]
    fn patterns_match_as_opensshs_do_however_many_stars_they_have() {
        for (pattern, expected) in [
            ("passmuster", true),
            ("*", true),
            ("**", true),
            ("pass*", true),
            ("*muster", true),
            ("p*s*r", true),
            ("*s?*r*", true),
            ("??????????", true),
            ("", false),
            ("?", false),
            ("pass", false),
            ("passmuster?", false),
            ("*x*", false),
            ("PASSMUSTER", false),
        ] {
            assert_eq!(matches(NAMESPACE, pattern), expected, "{pattern}");
        }
        let many = "*".repeat(1 << 20);
        assert!(matches(NAMESPACE, &many) && !matches(NAMESPACE, &(many + "x")));
    }
}
