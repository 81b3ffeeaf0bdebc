//! `import … from`, `export … from`, `import()`, `require()`, types included, in scripts and in the pages that hold them.

use guest::source::{Kind, find};

use super::{Found, Source, Target};

/// Tokens between `import` and its `from`.
const LONGEST_CLAUSE: usize = 20_000;

pub(super) fn read(source: &Source<'_>) -> Found {
    let mut found = Found::new();
    for at in 0..source.tokens.len() {
        if source.kind(at) != Some(Kind::Word) || source.before(at) == "." {
            continue;
        }
        let name = match source.at(at) {
            "import" => import(source, at),
            "export" => clause(source, at + 1),
            "require" => argument(source, at + 1).or_else(|| match source.at(at + 1) {
                "." if source.at(at + 2) == "resolve" => argument(source, at + 3),
                _ => None,
            }),
            _ => None,
        };
        if let Some((name, token)) =
            name.and_then(|at| Some((source.string(at)?, source.token(at)?)))
        {
            found.push((Target::JavaScript(name.to_owned()), token));
        }
    }
    found
}

/// The token that names what is imported.
fn import(source: &Source<'_>, at: usize) -> Option<usize> {
    match (source.kind(at + 1)?, source.at(at + 1)) {
        (Kind::Text, _) => Some(at + 1),
        (_, "(") => argument(source, at + 1),
        // `import.meta`, and `import` as the key of an object.
        (_, "." | ":") => None,
        _ => clause(source, at + 1),
    }
}

/// The only argument of a call, or the first of several: a string without anything computed.
fn argument(source: &Source<'_>, bracket: usize) -> Option<usize> {
    let is_call = source.at(bracket) == "(" && source.kind(bracket + 1) == Some(Kind::Text);
    let is_whole =
        matches!(source.at(bracket + 2), ")" | ",") && !source.at(bracket + 1).ends_with("${");
    (is_call && is_whole).then_some(bracket + 1)
}

/// The string behind `from`, or `require` of TypeScript's `import a = require("b")`. Whatever could not stand before it ends the
/// search.
fn clause(source: &Source<'_>, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in start..start + LONGEST_CLAUSE {
        match (source.kind(at)?, source.at(at)) {
            (Kind::Word, "from") if source.kind(at + 1) == Some(Kind::Text) && depth == 0 => {
                return Some(at + 1);
            }
            (Kind::Word, "require") if source.before(at) == "=" => return argument(source, at + 1),
            // The next statement: whatever nothing closes is read once and not again for each `import` in it.
            (Kind::Word, "import" | "export") if source.before(at) != "as" => return None,
            (
                Kind::Word,
                "const" | "let" | "var" | "function" | "class" | "default" | "enum" | "interface",
            ) if depth == 0 && source.before(at) != "as" => {
                // `import default from` is none, and what `export` declares has no `from`.
                return None;
            }
            // `async` can be a name: `import async from`.
            (Kind::Word, "async") if source.at(at + 1) == "function" => return None,
            (Kind::Mark, "{") => depth += 1,
            (Kind::Mark, "}") => depth = depth.checked_sub(1)?,
            (Kind::Word, _) | (Kind::Mark, "," | "*" | "=") => {}
            (Kind::Text, _) if depth > 0 => {}
            _ => return None,
        }
    }
    None
}

/// A page with all but its scripts blanked out, so that lines and columns stay.
pub(super) fn scripts(page: &str) -> String {
    let mut kept = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(start) =
        find(rest, "<script").and_then(|tag| Some(tag + rest.get(tag..)?.find('>')? + 1))
    {
        let (markup, behind) = rest.split_at(start);
        let end = find(behind, "</script").unwrap_or(behind.len());
        let (script, markup_again) = behind.split_at(end);
        blank(markup, &mut kept);
        kept.push_str(script);
        rest = markup_again;
    }
    blank(rest, &mut kept);
    kept
}

fn blank(text: &str, into: &mut String) {
    into.extend(
        text.chars()
            .map(|letter| if letter == '\n' { '\n' } else { ' ' }),
    );
}
