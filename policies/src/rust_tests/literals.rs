//! The values of string literals.

/// The text that a string literal stands for; none for other literals.
pub(super) fn string_value(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        let quoted = raw.trim_matches('#');
        return Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    }
    unescaped(literal.strip_prefix('"')?.strip_suffix('"')?)
}

fn unescaped(text: &str) -> Option<String> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        let (character, after) = escape(&rest[at + 1..])?;
        value.extend(character);
        rest = after;
    }
    value.push_str(rest);
    Some(value)
}

/// What the text after a backslash stands for, and the rest.
fn escape(text: &str) -> Option<(Option<char>, &str)> {
    let first = text.chars().next()?;
    let rest = &text[first.len_utf8()..];
    let code = |digits: &str| char::from_u32(u32::from_str_radix(digits, 16).ok()?);
    let one = |character| Some((Some(character), rest));
    match first {
        'n' => one('\n'),
        'r' => one('\r'),
        't' => one('\t'),
        '0' => one('\0'),
        '\\' | '\'' | '"' => one(first),
        'x' => Some((Some(code(rest.get(..2)?)?), &rest[2..])),
        'u' => {
            let (digits, after) = rest.strip_prefix('{')?.split_once('}')?;
            Some((Some(code(&digits.replace('_', ""))?), after))
        }
        // The line goes on after white space.
        '\n' | '\r' => Some((None, rest.trim_start())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_literal_has_the_value_that_rust_gives_it() {
        for (literal, expected) in [
            (r#""plain""#, Some("plain")),
            (r#""a\n\t\\\"\x41\u{e9}b""#, Some("a\n\t\\\"A\u{e9}b")),
            ("\"a \\\n    b\"", Some("a b")),
            ("r\"a\\n\"", Some("a\\n")),
            ("r##\"a\"#b\"##", Some("a\"#b")),
            ("r#\"#\"#", Some("#")),
            ("b\"bytes\"", None),
            ("1", None),
            ("\"\\q\"", None),
            ("\"\\u{110000}\"", None),
            ("\"\\x\u{e9}\"", None),
        ] {
            assert_eq!(string_value(literal).as_deref(), expected, "{literal}");
        }
    }
}
