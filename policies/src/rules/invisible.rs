//! Characters that show a reviewer another text than a compiler reads: controls of direction, characters without
//! a shape, and letters of other scripts that look like Latin ones.
//!
//! Their code is `protected-path`, at the level of a review: the closed list has none of its own, the file has to
//! be looked at, and honest texts in other scripts hold such characters too.

use std::collections::BTreeSet;

use super::source::{Kind, Language, Source, Token};
use super::texts::ChangedText;
use crate::change::{ChangeKind, FileChange};
use crate::finding::{Finding, FindingLevel};
use crate::reason::ReasonCode;

pub(super) fn inspect(texts: &[ChangedText<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for text in texts {
        findings.extend(name(text.change).map(|message| finding(text, None, message)));
        let found = lines(text).into_iter();
        findings.extend(found.map(|(line, message)| finding(text, Some(line), message)));
    }
    findings
}

fn finding(text: &ChangedText<'_>, line: Option<u32>, message: String) -> Finding {
    let (code, level) = (ReasonCode::ProtectedPath, FindingLevel::Review);
    let finding = Finding::built_in(
        code,
        level,
        Some(&text.change.path),
        &message.clone(),
        message,
    );
    match line {
        Some(line) => finding.on_line(line),
        None => finding,
    }
}

/// What is wrong with the name of a file that is new by its name.
fn name(file: &FileChange) -> Option<String> {
    let named = matches!(file.kind, ChangeKind::Added | ChangeKind::Renamed(_));
    let name = file
        .path
        .as_str()
        .filter(|name| named && !name.is_ascii())?;
    let hidden = name.chars().find(|one| turns(*one) || is_unseen(*one));
    let words = || name.split(|one: char| !one.is_alphanumeric());
    let what = hidden
        .map(shown)
        .or_else(|| words().find_map(disguise).map(shown))?;
    Some(format!(
        "the file's name holds {what}, which does not look like what it is"
    ))
}

fn shown(one: char) -> String {
    format!("U+{:04X}", u32::from(one))
}

/// The first of each kind on every added line of a source.
fn lines(text: &ChangedText<'_>) -> Vec<(u32, String)> {
    let (Some(language), Some(after)) = (Language::of(&text.change.path), text.after) else {
        return Vec::new();
    };
    if !text
        .change
        .hunks
        .iter()
        .flat_map(|hunk| &hunk.added)
        .any(|line| strange(line))
    {
        return Vec::new();
    }
    let source = Source::read(language, after);
    let words = source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Word);
    let plain: BTreeSet<&str> = words
        .filter_map(|token| after.get(token.bytes.clone()))
        .filter(|word| word.is_ascii())
        .collect();
    let mut found: Vec<(u32, String)> = Vec::new();
    for token in &source.tokens {
        let content = after.get(token.bytes.clone()).unwrap_or_default();
        if strange(content) {
            found.extend(
                of_token(token, content, &plain)
                    .into_iter()
                    .filter(|(line, _)| text.is_added(*line)),
            );
        }
    }
    found.dedup();
    found
}

fn strange(text: &str) -> bool {
    !text.is_ascii()
        || text
            .bytes()
            .any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

fn of_token(token: &Token, content: &str, plain: &BTreeSet<&str>) -> Vec<(u32, String)> {
    if token.kind == Kind::Word {
        return word(token, content, plain)
            .map(|what| (token.line, what))
            .into_iter()
            .collect();
    }
    let mut found = Vec::new();
    let mut before = ' ';
    let mut line = token.line;
    let flags = content.contains('\u{1f3f4}');
    let mut letters = content.char_indices().peekable();
    while let Some((at, one)) = letters.next() {
        let next = letters.peek().map_or(' ', |(_, next)| *next);
        // A mark at the very beginning says how the file is encoded.
        let mark = one == '\u{feff}' && token.bytes.start + at == 0;
        let alone = before.is_ascii() && next.is_ascii();
        let tag = matches!(one, '\u{e0000}'..='\u{e007f}');
        if turns(one) {
            found.push((
                line,
                format!(
                    "holds {}, which turns the direction of what is shown",
                    shown(one)
                ),
            ));
        } else if !mark && (is_unseen(one) && alone || tag && !flags) {
            found.push((line, format!("holds {}, which nobody sees", shown(one))));
        } else if one.is_control() && !one.is_whitespace() {
            found.push((
                line,
                format!("holds {}, which steers a terminal", shown(one)),
            ));
        }
        line += u32::from(one == '\n');
        before = one;
    }
    found.dedup();
    found
}

/// What is wrong with a word of code.
fn word(token: &Token, content: &str, plain: &BTreeSet<&str>) -> Option<String> {
    // The reader takes all that is not ASCII for letters, and so a mark at the beginning.
    let content = if token.bytes.start == 0 {
        content.trim_start_matches('\u{feff}')
    } else {
        content
    };
    if let Some(hidden) = content.chars().find(|one| turns(*one) || is_unseen(*one)) {
        return Some(format!(
            "has {} in its code, which nobody sees",
            shown(hidden)
        ));
    }
    if let Some(other) = disguise(content) {
        return Some(format!(
            "has a word that mixes Latin letters with {}, which looks like one",
            shown(other)
        ));
    }
    let twin: Option<String> = content.chars().map(latin).collect();
    let twin = twin.filter(|twin| plain.contains(twin.as_str()))?;
    Some(format!(
        "has a word that looks like `{twin}` and is another one"
    ))
}

/// The letter of another script by which a word of Latin letters goes for another word.
fn disguise(word: &str) -> Option<char> {
    let mixed = word.contains(|one: char| one.is_ascii_alphabetic());
    let styled = |one: &char| matches!(one, '\u{ff21}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}');
    word.chars()
        .find(|one| styled(one) || mixed && latin(*one).is_some())
}

/// Characters that change the direction of text.
fn turns(one: char) -> bool {
    matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters without a shape.
fn is_unseen(one: char) -> bool {
    matches!(
        one,
        '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2060}'..='\u{2064}'
            | '\u{206a}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

/// The Latin letters that letters of Cyrillic and Greek look like.
const TWINS: &str = "аa еe оo рp сc уy хx іi јj ѕs ԁd һh ԛq ԝw ӏl АA ВB ЕE КK МM НH ОO РP СC ТT ХX ІI ЈJ ЅS οo νv ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX";

/// The Latin letter that a letter looks like; none for those that do not.
fn latin(one: char) -> Option<char> {
    let pairs = TWINS.split(' ').filter(|_| !one.is_ascii());
    let mut pairs = pairs.map(str::chars);
    pairs.find_map(|mut pair| (pair.next() == Some(one)).then(|| pair.next()).flatten())
}

#[cfg(test)]
mod tests {
    use super::super::examples::{change, said};
    use super::super::texts::changed;
    use super::*;

    fn found(path: &str, line: &str) -> Vec<String> {
        let text = format!("x\n{line}\n");
        let (change, sides) = change(&[(path, Some("x\n"), Some(&text))]);
        said(&inspect(&changed(&change, &sides)))
    }

    #[test]
    fn what_shows_another_text_than_it_is_is_found_where_it_was_added() {
        for (path, line, part) in [
            ("a.py", "x = 1 # \u{202e} } \u{2066}if", "U+202E"),
            ("a.rs", "let x = \"\u{2067}a\";", "U+2067"),
            ("a.js", "const \u{3164} = 1;", "U+3164"),
            ("a.py", "ad\u{200b}min = 1", "U+200B"),
            ("a.py", "x = 'ad\u{200d}min'", "U+200D"),
            ("a.py", "x = 'a\u{e0041}\u{e0042}'", "U+E0041"),
            ("a.go", "x := \"a\u{feff}b\"", "U+FEFF"),
            ("a.py", "p\u{430}ssword = 1", "U+0430"),
            ("a.rs", "fn \u{ff45}val() {}", "U+FF45"),
            ("a.py", "\u{445} = 2", "looks like `x`"),
            ("a.sh", "# a\u{1b}[2K", "U+001B"),
        ] {
            let found = found(path, line);
            assert!(
                found.first().is_some_and(
                    |said| said.starts_with(&format!("{path}:2: ")) && said.contains(part)
                ),
                "{line:?}: {found:?}"
            );
        }
    }

    #[test]
    fn other_scripts_and_their_marks_are_fine() {
        for (path, line) in [
            (
                "a.py",
                "x = 'Привет, \u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}'",
            ),
            (
                "a.py",
                "x = '\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} ok \u{2764}\u{fe0f}'",
            ),
            ("a.py", "x = '\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}'"),
            ("a.py", "имя = 1  # хорошо"),
            ("a.py", "Δx = σ_max + café + naïve"),
            ("a.py", "x = '\u{5e9}\u{5dc}\u{200f}\u{5d5}'"),
            ("a.rs", "let x = \"\\u{202e}\";"),
            ("README.md", "a \u{202e} b"),
            ("a.py", "x = 1"),
        ] {
            assert_eq!(found(path, line), Vec::<String>::new(), "{line:?}");
        }
    }

    #[test]
    fn only_added_lines_and_new_names_count() {
        let (kept, sides) = change(&[
            ("a.py", Some("x # \u{202e}\ny\n"), Some("x # \u{202e}\nz\n")),
            ("b.py", None, Some("\u{feff}x\n")),
        ]);
        assert!(inspect(&changed(&kept, &sides)).is_empty());
        let (named, sides) = change(&[
            ("src/ma\u{456}n.rs", None, Some("")),
            ("a\u{202e}.md", None, Some("")),
            ("ü/имя.txt", None, Some("")),
        ]);
        assert_eq!(inspect(&changed(&named, &sides)).len(), 2);
    }
}
