//! Command lines as words: taking options out and keeping the rest.

use std::path::Path;

/// Words without these options (each with a value, in the next word or after `=`) and these flags.
pub(super) fn without(words: &[String], options: &[&str], flags: &[&str]) -> Vec<String> {
    split(words, options, flags).0
}

/// The same, and the values of the options that were taken out.
pub(super) fn split(
    words: &[String],
    options: &[&str],
    flags: &[&str],
) -> (Vec<String>, Vec<String>) {
    let (mut kept, mut values) = (Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some((name, value)) if options.contains(&name) => values.push(value.to_owned()),
            _ if options.contains(&word.as_str()) => values.extend(words.next().cloned()),
            _ if flags.contains(&word.as_str()) => {}
            _ => kept.push(word.clone()),
        }
    }
    (kept, values)
}

/// A command split behind the word that is one of these programs, by its path or its name.
pub(super) fn program<'a>(
    words: &'a [String],
    names: &[&str],
) -> Option<(&'a [String], &'a [String])> {
    let named = |word: &String| {
        let name = Path::new(word).file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| names.contains(&name))
    };
    let at = words.iter().position(named)?;
    Some(words.split_at(at + 1))
}

/// The options among words, with their values; none where an option that is in neither list stands before a word that may
/// be its value. Lists name options without dashes.
pub(super) fn options(words: &[String], valued: &[&str], flags: &[&str]) -> Option<Vec<String>> {
    let mut kept = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            continue;
        }
        kept.push(word.clone());
        let name = word.trim_start_matches('-');
        let followed = words.peek().is_some_and(|next| !next.starts_with('-'));
        if valued.contains(&name) {
            kept.extend(words.next().cloned());
        } else if followed && !name.contains('=') && !flags.contains(&name) {
            return None;
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_takes_its_value_along() {
        let words = ["a", "--x=1", "-q", "--x", "2", "b", "--x"].map(str::to_owned);
        let (kept, values) = split(&words, &["--x"], &["-q"]);
        assert_eq!(
            (kept.join(" "), values.join(" ")),
            ("a b".to_owned(), "1 2".to_owned())
        );
    }
    #[test]
    fn options_are_told_from_other_words_or_not_at_all() {
        let of = |text: &str| {
            let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
            options(&words, &["t", "config"], &["v"]).map(|kept| kept.join(" "))
        };
        assert_eq!(
            of("a -v b --t c --config=d e").as_deref(),
            Some("-v --t c --config=d")
        );
        assert_eq!(of("--other --v").as_deref(), Some("--other --v"));
        assert_eq!(of("--other a"), None);
    }
}
