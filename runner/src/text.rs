//! Text that tests, tools or a patch produced, made harmless before anybody reads it.

use std::borrow::Cow;

/// Removes what could steer a terminal or hide text from a reader, and cuts to `cap` bytes at a
/// character boundary. Line feeds and tabs stay.
pub fn clean(text: &str, cap: usize) -> String {
    let plain = without_sequences(text);
    let kept: String = plain
        .chars()
        .filter(|character| is_plain(*character))
        .collect();
    cut(&kept, cap).into_owned()
}

/// [`clean`], on one line.
pub fn clean_line(text: &str, cap: usize) -> String {
    let one_line: String = text
        .split(['\n', '\r', '\t'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    clean(&one_line, cap)
}

/// Cuts to at most `cap` bytes; says so with an ellipsis.
pub fn cut(text: &str, cap: usize) -> Cow<'_, str> {
    if text.len() <= cap {
        return Cow::Borrowed(text);
    }
    let room = cap.saturating_sub('…'.len_utf8());
    let end = (0..=room)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default()))
}

/// Drops ANSI escape sequences: CSI (`ESC [ … letter`), OSC (`ESC ] … BEL` or `ESC \`), and any
/// other escape with the one character behind it.
fn without_sequences(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        kept.push_str(rest.get(..at).unwrap_or_default());
        rest = after_sequence(rest.get(at + 1..).unwrap_or_default());
    }
    kept.push_str(rest);
    kept
}

fn after_sequence(text: &str) -> &str {
    let end = match text.chars().next() {
        Some('[') => text
            .char_indices()
            .skip(1)
            .find(|(_, c)| ('@'..='~').contains(c))
            .map(|(at, c)| at + c.len_utf8()),
        Some(']') => text
            .find('\u{7}')
            .map(|at| at + 1)
            .or_else(|| text.find("\u{1b}\\").map(|at| at + 2)),
        Some(other) => Some(other.len_utf8()),
        None => None,
    };
    // A sequence without an end swallows nothing but its introducer.
    text.get(end.unwrap_or(0)..).unwrap_or_default()
}

/// No control character but line feed and tab; nothing that is invisible or turns the direction of
/// text (Unicode's bidirectional controls, zero-width characters, tags).
fn is_plain(character: char) -> bool {
    match character {
        '\n' | '\t' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => false,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => false,
        other => !other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_steers_a_terminal_is_stripped() {
        let cases = [
            ("plain", "plain"),
            ("a\u{1b}[31mred\u{1b}[0m", "ared"),
            ("\u{1b}]0;title\u{7}rest", "rest"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("bell\u{7}back\u{8}", "bellback"),
            ("rtl\u{202e}evil\u{200b}", "rtlevil"),
            ("cut off \u{1b}[", "cut off ["),
            ("line\nnext\tcell", "line\nnext\tcell"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text, 100), expected, "{text:?}");
        }
    }

    #[test]
    fn a_cut_keeps_to_its_cap_and_to_characters() {
        for cap in 0..12 {
            let text = clean("ääääää", cap);
            assert!(text.len() <= cap.max('…'.len_utf8()), "{cap}: {text}");
        }
        assert_eq!(clean_line("a\n  b\r\n\tc", 100), "a b c");
    }
}
