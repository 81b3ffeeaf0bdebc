//! `go.mod` and `go.sum`.

use super::facts::{Declared, Facts, Locked, Source};
use crate::path::RepoPath;

pub(super) fn manifest(_: &RepoPath, content: &str) -> Option<Facts> {
    let mut facts = Facts::default();
    let mut block = "";
    for line in content.lines() {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let words: Vec<&str> = code.split_whitespace().collect();
        let (verb, words) = match words.as_slice() {
            [verb, "("] => {
                block = verb;
                continue;
            }
            [")"] => {
                block = "";
                continue;
            }
            words if !block.is_empty() => (block, words),
            [verb, words @ ..] => (*verb, words),
            [] => continue,
        };
        match (verb, words) {
            ("require" | "tool", [module, ..]) => {
                let declared = Declared {
                    source: Source::Registry,
                    indirect: comment.trim() == "indirect",
                };
                if !declared.indirect {
                    facts.required.insert(words.join(" "));
                }
                facts.declared.insert((*module).to_owned(), declared);
            }
            ("replace", words) if words.contains(&"=>") => facts.settings.push(words.join(" ")),
            _ => {}
        }
    }
    Some(facts)
}

pub(super) fn sums(_: &RepoPath, content: &str) -> Option<Facts> {
    let one = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version, hash) = (words.next()?, words.next()?, words.next()?);
        Some(Locked {
            name: name.to_owned(),
            version: version.to_owned(),
            source: Source::Registry,
            hashes: [(String::new(), hash.to_owned())].into(),
            needs: Vec::new(),
        })
    };
    Some(Facts {
        locked: content.lines().filter_map(one).collect(),
        ..Facts::default()
    })
}
