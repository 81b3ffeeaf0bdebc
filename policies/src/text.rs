//! Text that tests, tools or the change wrote, made fit to be shown: data, never control.
//!
//! Terminal sequences, control characters and the invisible characters that reorder text are
//! taken out, so that nothing shown can pose as something else. Every format still escapes what it
//! has to escape.

/// One line: what would break or redraw it becomes a space. Cut at `cap` bytes.
pub fn line(text: &str, cap: usize) -> String {
    let shown = without_sequences(text);
    let seemly = shown
        .chars()
        .map(|one| if unseemly(one) { ' ' } else { one });
    cut(&seemly.collect::<String>(), cap)
}

/// Several lines: line ends and tabs stay, everything else of the kind is dropped. Cut at `cap`
/// bytes.
pub fn block(text: &str, cap: usize) -> String {
    let shown = without_sequences(text);
    let kept: String = shown
        .chars()
        .filter(|one| matches!(one, '\n' | '\t') || !unseemly(*one))
        .collect();
    cut(&kept, cap)
}

/// An id: such characters are written as escapes, so that different ids stay different.
pub fn id(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for one in text.chars() {
        if unseemly(one) {
            shown.extend(one.escape_default())
        } else {
            shown.push(one)
        }
    }
    shown
}

/// Output as it comes, for a terminal: line ends and tabs stay, other such characters are written
/// as escapes. Nothing is dropped: it is somebody's output, not a quotation.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for one in text.chars() {
        if unseemly(one) && !matches!(one, '\n' | '\t') {
            shown.extend(one.escape_default())
        } else {
            shown.push(one)
        }
    }
    shown
}

fn unseemly(one: char) -> bool {
    one.is_control()
        || matches!(one,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Drops terminal sequences: ESC `[` up to its final byte, ESC `]` up to the BEL or ESC `\` that
/// ends it, and ESC with the one character after it.
fn without_sequences(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        kept.push_str(before);
        rest = after_sequence(after);
    }
    kept + rest
}

/// What follows the sequence whose escape character stood before `text`. One that never ends takes
/// nothing but its introducer with it: text must not vanish behind it.
fn after_sequence(text: &str) -> &str {
    let behind = |at: usize, length: usize| text.get(at + length..);
    let rest = match text.chars().next() {
        Some('[') => text
            .char_indices()
            .skip(1)
            .find(|(_, one)| matches!(one, '@'..='~'))
            .and_then(|(at, _)| behind(at, 1)),
        Some(']') => text
            .find('\u{7}')
            .and_then(|at| behind(at, 1))
            .or_else(|| text.find("\u{1b}\\").and_then(|at| behind(at, 2))),
        Some(other) => behind(0, other.len_utf8()),
        None => None,
    };
    rest.unwrap_or(text)
}

/// At most `cap` bytes, at a character's border, and an ellipsis where something was cut.
fn cut(text: &str, cap: usize) -> String {
    if text.len() <= cap {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(cap);
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_or_reorders_text_is_left() {
        for (text, as_line, as_block) in [
            ("plain é", "plain é", "plain é"),
            ("\u{1b}[31mred\u{1b}[0m", "red", "red"),
            ("a\nb\tc\rd", "a b c d", "a\nb\tcd"),
            ("\u{1b}]0;title\u{7}x", "x", "x"),
            ("a\u{202e}b\u{0}c", "a b c", "abc"),
            // Other characters that turn text around or cannot be seen.
            ("a\u{61c}b\u{e0100}c\u{ad}d", "a b c d", "abcd"),
            ("kept \u{1b}[12", "kept [12", "kept [12"),
            (
                "kept \u{1b}]0;never ended",
                "kept ]0;never ended",
                "kept ]0;never ended",
            ),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link", "link"),
            ("\u{1b}", "", ""),
        ] {
            assert_eq!(
                (line(text, 99).as_str(), block(text, 99).as_str()),
                (as_line, as_block)
            );
        }
    }

    #[test]
    fn ids_that_differ_stay_different() {
        assert_eq!(id("a[\\n]\nb"), "a[\\n]\\nb");
        assert_ne!(id("a\u{200b}"), id("a"));
    }

    #[test]
    fn output_for_a_terminal_loses_nothing_and_moves_nothing() {
        let text = "a\tb\n\u{1b}[2J\r\u{9b}é";
        assert_eq!(shown(text), "a\tb\n\\u{1b}[2J\\r\\u{9b}é");
    }

    #[test]
    fn a_cut_is_visible_and_never_splits_a_character() {
        assert_eq!(line("aéb", 2), "a…");
        assert_eq!(line("aéb", 4), "aéb");
    }
}
