//! Foreign text in bounds: shortened where it is prose, refused where it is a name.

/// The text in at most `most` bytes; what is missing shows as `…`.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub(MARK.len()));
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}

/// Whether the text is one short line without anything that moves a cursor.
pub(crate) fn is_name(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.len() <= most && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        for (text, most, expected) in [
            ("abc", 3, "abc"),
            ("abcdef", 5, "ab…"),
            ("ääää", 6, "ä…"),
            ("abcdef", 3, "…"),
        ] {
            assert_eq!(shortened(text, most), expected, "{text} in {most}");
        }
    }

    #[test]
    fn a_name_is_one_short_line() {
        for (text, is) in [
            ("a-b", true),
            ("", false),
            (" ", false),
            ("a\nb", false),
            ("abcdef", false),
        ] {
            assert_eq!(is_name(text, 5), is, "{text:?}");
        }
    }
}
