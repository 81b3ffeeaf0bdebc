//! Words of commands, and of what is written as a command's options: in a variable, in `addopts`.

use super::{How, Word};

/// What is tested, measured or left out, and not loaded.
const ABOUT: &[&str] = &[
    "--cov",
    "--cov-source",
    "--ignore",
    "--ignore-glob",
    "--deselect",
    "--source",
    "--include",
    "--omit",
    "--exclude",
    "--collectCoverageFrom",
    "--testPathPattern",
    "--testPathPatterns",
    "--dir",
    "--root",
    "--roots",
    "--spec",
    "--findRelatedTests",
];
/// What a configuration is named by.
const CONFIGURATION: &[&str] = &["--config", "-c", "--config-file", "--rcfile"];
/// Variables that list what is loaded.
const LISTS: &[&str] = &["PYTEST_PLUGINS", "DJANGO_SETTINGS_MODULE"];

/// The words of a command that may lead to what it loads.
pub(super) fn words<'t>(words: impl Iterator<Item = &'t str>) -> Vec<Word<'t>> {
    let mut found = Vec::new();
    let mut before = "";
    // A word may be a line for a shell.
    let words = words.flat_map(|word| word.split(is_between));
    for word in words.filter(|word| !word.is_empty()) {
        let option = std::mem::take(&mut before);
        if let Some(plugin) = word
            .strip_prefix("-p")
            .filter(|plugin| !plugin.starts_with('-'))
        {
            match plugin {
                "" => before = "-p",
                plugin => found.push(loads(plugin.trim_start_matches('='))),
            }
            continue;
        }
        match word.split_once('=') {
            Some((option, value)) if word.starts_with('-') => found.extend(argument(option, value)),
            Some((name, value)) => found.extend(of_variable(name, value)),
            None if word.starts_with('-') => before = word,
            None => found.extend(argument(option, word)),
        }
    }
    found
}

/// What an option, or none, is given.
fn argument<'t>(option: &str, value: &'t str) -> Option<Word<'t>> {
    match option {
        "-p" => Some(loads(value)),
        option if ABOUT.contains(&option) => None,
        _ => Some(Word {
            text: value,
            how: How::Looks,
        }),
    }
}

/// The words of an environment variable, or of an option that is written like one.
pub(super) fn of_variable<'t>(name: &str, value: &'t str) -> Vec<Word<'t>> {
    if LISTS.contains(&name) {
        let names = value.split(is_between).filter(|name| !name.is_empty());
        return names.map(loads).collect();
    }
    // A list of directories, none of which is loaded.
    if name.ends_with("PATH") || name == "testpaths" {
        return Vec::new();
    }
    words(value.split_whitespace())
}

/// The files that a command names as configuration.
pub(super) fn configurations(run: &[String]) -> Vec<&str> {
    let words = run
        .iter()
        .flat_map(|word| word.split(is_between))
        .filter(|word| !word.is_empty());
    let mut before = "";
    let mut found = Vec::new();
    for word in words {
        let (option, value) = word.split_once('=').unwrap_or((before, word));
        found.extend(Some(value).filter(|_| CONFIGURATION.contains(&option)));
        before = word;
    }
    found
}

fn loads(text: &str) -> Word<'_> {
    Word {
        text,
        how: How::Loads,
    }
}

fn is_between(letter: char) -> bool {
    letter.is_whitespace() || "\"',[]();&|<>`".contains(letter)
}
