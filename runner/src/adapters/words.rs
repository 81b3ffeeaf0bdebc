//! Command lines as words: taking options out and keeping the rest.

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
}
