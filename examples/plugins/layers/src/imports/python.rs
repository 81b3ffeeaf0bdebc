//! `import a.b`, `from .a import b, c`, also under `if TYPE_CHECKING`, and the calls that import by a text.

use guest::source::{Kind, Token};

use super::{Found, Source, Target};

pub(super) fn read(source: &Source<'_>) -> Found {
    let mut found = Found::new();
    let mut depth = 0_usize;
    for at in 0..source.tokens.len() {
        match (source.kind(at), source.at(at)) {
            (Some(Kind::Mark), "(" | "[" | "{") => depth += 1,
            (Some(Kind::Mark), ")" | "]" | "}") => depth = depth.saturating_sub(1),
            (Some(Kind::Word), "import") if starts_statement(source, at, depth) => {
                plain(source, at, &mut found)
            }
            (Some(Kind::Word), "from") if starts_statement(source, at, depth) => {
                from(source, at, &mut found)
            }
            (Some(Kind::Word), "import_module" | "__import__") => by_text(source, at, &mut found),
            _ => {}
        }
    }
    found
}

/// First on its line outside of brackets, or behind `:` or `;`. A bracket that nothing closes hides nothing: an import with nothing
/// before it on its line is taken where it could be no name.
fn starts_statement(source: &Source<'_>, at: usize, depth: usize) -> bool {
    let line = source.token(at).map(|token| token.line);
    let before = at.checked_sub(1).and_then(|before| source.token(before));
    let first = before.map(|token| token.line) != line && source.before(at) != "\\";
    // A statement can begin on the line behind `if a:\` as well.
    let behind = match at.checked_sub(2) {
        Some(before) if source.before(at) == "\\" => source.at(before),
        _ => source.before(at),
    };
    let unlikely_name = depth == 0 || source.at(at) == "import" || source.at(at + 1) != "(";
    (first && unlikely_name && source.before(at) != "import") || matches!(behind, ":" | ";")
}

/// Whether a token still belongs to the line of the one before it.
fn continues(source: &Source<'_>, at: usize) -> bool {
    let line = |at: usize| source.token(at).map(|token| token.line);
    let before = at.checked_sub(1);
    line(at).is_some() && (before.and_then(line) == line(at) || source.before(at) == "\\")
}

fn dotted(source: &Source<'_>, mut at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    while let Some(name) = source
        .word(at)
        .filter(|name| !matches!(*name, "import" | "as"))
    {
        path.push(name.to_owned());
        if source.at(at + 1) != "." {
            return (path, at + 1);
        }
        at += 2;
    }
    (path, at)
}

fn plain(source: &Source<'_>, import: usize, found: &mut Found) {
    let mut at = import + 1;
    while continues(source, at) {
        let Some(token) = source.token(at) else {
            return;
        };
        if source.at(at) == "\\" {
            at += 1;
            continue;
        }
        let (path, end) = dotted(source, at);
        if path.is_empty() {
            return;
        }
        found.push((Target::Python { up: 0, path }, token));
        at = end;
        if source.at(at) == "as" {
            at += 2;
        }
        if source.at(at) != "," {
            return;
        }
        at += 1;
    }
}

fn from(source: &Source<'_>, from: usize, found: &mut Found) {
    let Some(start) = source.token(from + 1) else {
        return;
    };
    let mut at = from + 1;
    let mut up = 0;
    while matches!(source.at(at), "." | "\\") {
        up += usize::from(source.at(at) == ".");
        at += 1;
    }
    let (module, end) = dotted(source, at);
    at = end;
    while source.at(at) == "\\" {
        at += 1;
    }
    if source.at(at) != "import" || (up == 0 && module.is_empty()) {
        return;
    }
    names(source, at + 1, up, &module, start, found);
}

/// What stands behind `import`: names, a star, or names in brackets over several lines.
fn names(
    source: &Source<'_>,
    mut at: usize,
    up: usize,
    module: &[String],
    start: Token,
    found: &mut Found,
) {
    let bracketed = source.at(at) == "(";
    at += usize::from(bracketed);
    if source.at(at) == "*" {
        found.push((
            Target::Python {
                up,
                path: module.to_vec(),
            },
            start,
        ));
        return;
    }
    while bracketed || continues(source, at) {
        match source.word(at) {
            Some(name) => {
                let path = module.iter().cloned().chain([name.to_owned()]).collect();
                let place = source.token(at).unwrap_or(start);
                found.push((Target::Python { up, path }, place));
                at += if source.at(at + 1) == "as" { 3 } else { 1 };
            }
            None if matches!(source.at(at), "," | "\\") => at += 1,
            None => return,
        }
    }
}

/// `importlib.import_module("a.b")`.
fn by_text(source: &Source<'_>, at: usize, found: &mut Found) {
    let (Some(name), Some(token)) = (source.string(at + 2), source.token(at + 2)) else {
        return;
    };
    let relative = name.trim_start_matches('.');
    let path: Vec<String> = relative.split('.').map(str::to_owned).collect();
    let plain = |part: &String| {
        part.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || !letter.is_ascii())
    };
    if source.at(at + 1) == "(" && !relative.is_empty() && path.iter().all(plain) {
        found.push((
            Target::Python {
                up: name.len() - relative.len(),
                path,
            },
            token,
        ));
    }
}
