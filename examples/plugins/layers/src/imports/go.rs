//! `import "a/b"` and blocks of it, which stand before all else of a file.

use super::{Found, Source, Target};

pub(super) fn read(source: &Source<'_>) -> Found {
    let mut found = Found::new();
    let mut at = 0;
    while at < source.tokens.len() {
        match source.word(at) {
            Some("import") => at = import(source, at + 1, &mut found),
            Some("func" | "type" | "var" | "const") => break,
            _ => at += 1,
        }
    }
    found
}

fn import(source: &Source<'_>, mut at: usize, found: &mut Found) -> usize {
    let block = source.at(at) == "(";
    at += usize::from(block);
    while at < source.tokens.len() {
        if let (Some(path), Some(token)) = (source.string(at), source.token(at)) {
            found.push((Target::Go(path.to_owned()), token));
            if !block {
                return at + 1;
            }
        } else if source.at(at) == ")" || (!block && !is_alias(source, at)) {
            return at;
        }
        at += 1;
    }
    at
}

fn is_alias(source: &Source<'_>, at: usize) -> bool {
    source.word(at).is_some() || source.at(at) == "."
}
