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

/// The text with this block in place of an older one, else behind everything.
pub(super) fn put(text: &str, remark: Remark, client: &str, lines: &str) -> Result<String, String> {
    let (begin, end) = marks(remark, client);
    let block = format!("{begin}\n{}\n{end}\n", lines.trim_end());
    if let Some(place) = find(text, &begin, &end)? {
        return Ok(format!(
            "{}{block}{}",
            &text[..place.start],
            &text[place.end..]
        ));
    }
    let gap = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    Ok(format!("{text}{gap}{block}"))
}

/// The text without the block.
pub(super) fn take(text: &str, remark: Remark, client: &str) -> Result<String, String> {
    let (begin, end) = marks(remark, client);
    let Some(place) = find(text, &begin, &end)? else {
        return Ok(text.to_owned());
    };
    // The empty line in front of it came with it.
    let before = &text[..place.start];
    let before = before
        .strip_suffix("\n\n")
        .map_or(before, |_| &before[..before.len() - 1]);
    Ok(format!("{before}{}", &text[place.end..]))
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

/// Where the block is, its last line end included.
fn find(text: &str, begin: &str, end: &str) -> Result<Option<Range<usize>>, String> {
    let starts: Vec<usize> = lines_that_are(text, begin).collect();
    let ends: Vec<usize> = lines_that_are(text, end).collect();
    match (starts.as_slice(), ends.as_slice()) {
        ([], []) => Ok(None),
        ([start], [last]) if start < last => {
            let after = last + end.len();
            let line_end = usize::from(text[after..].starts_with('\n'));
            Ok(Some(*start..after + line_end))
        }
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
            begins && (after.is_empty() || after.starts_with('\n'))
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
    fn marks_without_their_counterpart_are_left_to_a_person() {
        let (begin, end) = marks(Remark::Markup, "x");
        for text in [
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
