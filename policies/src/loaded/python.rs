//! What Python's configuration has loaded: options and plugins of pytest.

use super::{How, Word, options};
use crate::python_tests::strings_of;

/// The name under which a `conftest.py`, or a module of tests, lists plugins; and what loads one.
const PLUGINS: &[&str] = &["pytest_plugins", "import_plugin"];
/// Keys of pytest's configuration whose words say where tests are and what they are like.
const ABOUT: &[&str] = &[
    "testpaths",
    "norecursedirs",
    "python_files",
    "python_classes",
    "python_functions",
    "markers",
    "filterwarnings",
    "required_plugins",
    "cache_dir",
    "log_file",
    "deps",
    "description",
];

pub(super) fn is_configuration(name: &str) -> bool {
    let endings = [".py", ".ini", ".toml", ".cfg"];
    endings.iter().any(|ending| name.ends_with(ending))
}

/// The words of a configuration that may lead to what is loaded.
pub(super) fn words<'t>(name: &str, text: &'t str) -> Vec<Word<'t>> {
    if name.ends_with(".py") {
        return plugins(text);
    }
    let entries = entries(text).into_iter();
    let entries = entries.filter(|entry| entry.is_of_pytest(name) && !ABOUT.contains(&entry.key));
    let words = entries
        .filter(|entry| entry.key != "pythonpath")
        .flat_map(|entry| match entry.key {
            "env" | "addopts" | "commands" => options::words(entry.words()),
            key => entry
                .words()
                .flat_map(|word| options::of_variable(key, word))
                .collect(),
        });
    words.collect()
}

/// The directories in which modules are looked for.
pub(super) fn roots<'t>(name: &str, text: &'t str) -> Vec<&'t str> {
    if name.ends_with(".py") || !is_configuration(name) {
        return Vec::new();
    }
    let entries = entries(text).into_iter();
    let paths = entries.filter(|entry| entry.is_of_pytest(name) && entry.key == "pythonpath");
    paths.flat_map(Entry::into_words).collect()
}

/// What a module lists; all that it quotes where it cannot be told.
fn plugins(text: &str) -> Vec<Word<'_>> {
    if !PLUGINS.iter().any(|name| text.contains(name)) {
        return Vec::new();
    }
    let quoted = || {
        text.split(['"', '\''])
            .filter(|word| !word.contains(char::is_whitespace))
            .collect()
    };
    let strings = strings_of(text, PLUGINS).unwrap_or_else(quoted);
    let words = strings.into_iter().map(|text| Word {
        text,
        how: How::Loads,
    });
    words.collect()
}

/// A key of a configuration with the lines of its value.
struct Entry<'t> {
    section: &'t str,
    key: &'t str,
    lines: Vec<&'t str>,
}

impl<'t> Entry<'t> {
    fn is_of_pytest(&self, name: &str) -> bool {
        let sections = [
            "pytest",
            "tool:pytest",
            "tool.pytest",
            "tool.pytest.ini_options",
        ];
        sections.contains(&self.section)
            || self.section.starts_with("testenv")
            || (name.ends_with("pytest.toml") && self.section.is_empty())
    }

    fn words(&self) -> impl Iterator<Item = &'t str> {
        self.lines.clone().into_iter().flat_map(in_line)
    }

    fn into_words(self) -> impl Iterator<Item = &'t str> {
        self.lines.into_iter().flat_map(in_line)
    }
}

/// The words of a line of a value.
fn in_line(line: &str) -> impl Iterator<Item = &str> {
    let between = |letter: char| letter.is_whitespace() || "\"',[]{}".contains(letter);
    line.split(between).filter(|word| !word.is_empty())
}

/// The entries of INI and TOML alike: what begins no section and no key goes on with the one before.
fn entries(text: &str) -> Vec<Entry<'_>> {
    let (mut section, mut found, mut open) = ("", Vec::<Entry<'_>>::new(), 0_usize);
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        let begins = open == 0 && !line.starts_with([' ', '\t']);
        let name = bare
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next());
        if let Some(name) = name.filter(|_| begins) {
            section = name.trim_matches(['[', ' ']);
            continue;
        }
        let pair = bare
            .split_once(['=', ':'])
            .filter(|(key, _)| begins && is_key(key.trim()));
        let value = pair.map_or(bare, |(_, value)| value);
        match (pair, found.last_mut()) {
            (Some((key, _)), _) => found.push(entry(section, key.trim(), value)),
            (None, Some(last)) => last.lines.push(value),
            (None, None) => {}
        }
        let count = |bracket| value.matches(bracket).count();
        open = (open + count('[')).saturating_sub(count(']'));
    }
    found
}

/// A key may name its section itself: `tool.pytest.ini_options.addopts`.
fn entry<'t>(section: &'t str, key: &'t str, value: &'t str) -> Entry<'t> {
    let whole = key.rsplit_once('.').filter(|_| section.is_empty());
    let (section, key) = whole.unwrap_or((section, key));
    Entry {
        section,
        key,
        lines: vec![value],
    }
}

fn is_key(word: &str) -> bool {
    let letter = |letter: char| letter.is_alphanumeric() || "_-.\"".contains(letter);
    !word.is_empty() && word.chars().all(letter)
}
