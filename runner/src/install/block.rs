//! A block of lines between two marks, inside a text that is somebody else's.

use std::ops::Range;

/// How lines of a format become remarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remark {
    /// `# …`
    Hash,
    /// `<!-- … -->`
    Markup,
}

impl Remark {
    fn mark(self, client: &str, word: &str) -> String {
        match self {
            Self::Hash => format!("# passmuster {client}: {word}"),
            Self::Markup => format!("<!-- passmuster {client}: {word} -->"),
        }
    }
}

/// The text with this block in place of an older one, else behind everything, with the text's own line ends. An empty line stands
/// between the two, but not behind a text without a last line end: by that it is seen what to take away again.
pub(super) fn put(text: &str, remark: Remark, client: &str, lines: &str) -> Result<String, String> {
    let (begin, end) = marks(remark, client);
    let line_end = line_end(text);
    let block = format!("{begin}\n{}\n{end}", lines.trim_end()).replace('\n', line_end);
    if let Some(place) = find(text, &begin, &end)? {
        return Ok(format!(
            "{}{block}{}",
            &text[..place.start],
            &text[place.end..]
        ));
    }
    Ok(match text {
        "" => format!("{block}{line_end}"),
        text if text.ends_with('\n') => format!("{text}{line_end}{block}{line_end}"),
        text => format!("{text}{line_end}{block}{line_end}"),
    })
}

/// The text without the block, and without the line end in front that came with it.
pub(super) fn take(text: &str, remark: Remark, client: &str) -> Result<String, String> {
    let (begin, end) = marks(remark, client);
    let Some(place) = find(text, &begin, &end)? else {
        return Ok(text.to_owned());
    };
    let (before, after) = (&text[..place.start], &text[place.end..]);
    let after = after.strip_prefix('\r').unwrap_or(after);
    let after = after.strip_prefix('\n').unwrap_or(after);
    let shorter = without_line_end(before);
    let before = match shorter.ends_with('\n') || after.is_empty() {
        true => shorter,
        false => before,
    };
    Ok(format!("{before}{after}"))
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// As its first line ends.
fn line_end(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn marks(remark: Remark, client: &str) -> (String, String) {
    (
        remark.mark(
            client,
            "begin (written by `passmuster install`, removed by `passmuster uninstall`)",
        ),
        remark.mark(client, "end"),
    )
}

/// Where the block is, without its last line end.
fn find(text: &str, begin: &str, end: &str) -> Result<Option<Range<usize>>, String> {
    let starts: Vec<usize> = lines_that_are(text, begin).collect();
    let ends: Vec<usize> = lines_that_are(text, end).collect();
    match (starts.as_slice(), ends.as_slice()) {
        ([], []) => Ok(None),
        ([start], [last]) if start < last => Ok(Some(*start..last + end.len())),
        _ => Err(format!(
            "its marks `{begin}` and `{end}` do not belong together; remove the lines by hand"
        )),
    }
}

fn lines_that_are<'a>(text: &'a str, line: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(line)
        .map(|(at, _)| at)
        .filter(move |at| {
            let before = &text[..*at];
            let after = &text[at + line.len()..];
            let begins = before.is_empty() || before.ends_with('\n');
            begins && (after.is_empty() || after.starts_with(['\n', '\r']))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_taken_out_again_leaves_every_byte() {
        for text in [
            "",
            "a\n",
            "a\n\nb\n",
            "a\r\n",
            "a",
            "a\n\nb",
            "a\r\nb\r\n\r\nc",
            "\n",
            "é # passmuster x: end?\n",
        ] {
            let with = put(text, Remark::Hash, "x", "ours = 1").unwrap();
            assert!(
                with.starts_with(text) && with.contains("ours = 1"),
                "{with}"
            );
            let again = put(&with, Remark::Hash, "x", "ours = 1").unwrap();
            assert_eq!(again, with, "twice is once");
            let newer = put(&with, Remark::Hash, "x", "ours = 2").unwrap();
            assert!(newer.contains("ours = 2") && !newer.contains("ours = 1"));
            assert_eq!(take(&newer, Remark::Hash, "x").unwrap(), text);
            assert_eq!(take(text, Remark::Hash, "x").unwrap(), text);
            let other = put(&with, Remark::Hash, "y", "theirs = 1").unwrap();
            let rest = take(&other, Remark::Hash, "x").unwrap();
            assert!(
                rest.contains("theirs") && !rest.contains("ours ="),
                "{rest}"
            );
        }
    }

    #[test]
    fn what_somebody_writes_behind_the_block_stays_theirs() {
        for text in ["", "a", "a\n"] {
            let with = put(text, Remark::Hash, "x", "ours = 1").unwrap() + "theirs = 2\n";
            assert_eq!(put(&with, Remark::Hash, "x", "ours = 1").unwrap(), with);
            let left = take(&with, Remark::Hash, "x").unwrap();
            assert!(
                left.ends_with("theirs = 2\n") && !left.contains("ours"),
                "{left}"
            );
        }
        // Whichever of two goes first.
        let one = put("", Remark::Markup, "one", "1").unwrap();
        let both = put(&one, Remark::Markup, "two", "2").unwrap();
        for order in [["one", "two"], ["two", "one"]] {
            let left = order.iter().fold(both.clone(), |text, client| {
                take(&text, Remark::Markup, client).unwrap()
            });
            assert_eq!(left, "");
        }
    }

    #[test]
    fn a_text_whose_line_ends_were_changed_afterwards_has_one_block() {
        let with = put("a\nb\n", Remark::Hash, "x", "ours = 1\nours = 2").unwrap();
        let changed = with.replace('\n', "\r\n");
        assert_eq!(
            put(&changed, Remark::Hash, "x", "ours = 1\nours = 2").unwrap(),
            changed
        );
        assert_eq!(take(&changed, Remark::Hash, "x").unwrap(), "a\r\nb\r\n");
        let shortened = with.trim_end();
        assert_eq!(take(shortened, Remark::Hash, "x").unwrap(), "a\nb\n");
    }

    #[test]
    fn marks_without_their_counterpart_are_left_to_a_person() {
        let (begin, end) = marks(Remark::Markup, "x");
        for text in [
            format!("{begin}\r\n"),
            format!("{begin}\n"),
            format!("{end}\n"),
            format!("{end}\n{begin}\n"),
            format!("{begin}\n{end}\n{begin}\n{end}\n"),
        ] {
            assert!(put(&text, Remark::Markup, "x", "a").is_err(), "{text}");
            assert!(take(&text, Remark::Markup, "x").is_err(), "{text}");
        }
    }
}
