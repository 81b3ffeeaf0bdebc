//! Comments that silence a tool, as the tools themselves read them.

use super::super::source::{Kind, Language, Source};
use super::{EVERYTHING, Key, Suppression};

/// Where in a comment a tool looks for its marker.
#[derive(Clone, Copy)]
enum Place {
    /// First behind the signs that open the comment, or behind another `#` in it.
    First,
    /// Anywhere, as a word.
    Anywhere,
}

struct Marker {
    text: &'static str,
    place: Place,
    file_wide: bool,
    /// Languages with `#`, with `//`, or both.
    hash: bool,
    slashes: bool,
}

const fn hash(text: &'static str) -> Marker {
    Marker {
        text,
        place: Place::First,
        file_wide: false,
        hash: true,
        slashes: false,
    }
}

const fn slashes(text: &'static str) -> Marker {
    Marker {
        hash: false,
        slashes: true,
        ..hash(text)
    }
}

const fn anywhere(text: &'static str) -> Marker {
    Marker {
        place: Place::Anywhere,
        slashes: true,
        ..hash(text)
    }
}

const fn whole(marker: Marker) -> Marker {
    Marker {
        file_wide: true,
        ..marker
    }
}

/// A longer marker stands before the one that it begins with.
const MARKERS: &[Marker] = &[
    whole(hash("ruff: noqa")),
    whole(hash("flake8: noqa")),
    whole(hash("ruff: disable")),
    hash("noqa"),
    hash("type: ignore"),
    hash("ty: ignore"),
    hash("pyrefly: ignore"),
    whole(hash("pyright: basic")),
    hash("pyright: ignore"),
    whole(hash("pyright: report")),
    hash("pyre-ignore"),
    hash("pyre-fixme"),
    whole(hash("mypy: ignore-errors")),
    whole(hash("mypy: disable-error-code")),
    Marker {
        place: Place::Anywhere,
        ..hash("pylint: disable-next")
    },
    Marker {
        place: Place::Anywhere,
        ..hash("pylint: disable")
    },
    whole(Marker {
        place: Place::Anywhere,
        ..hash("pylint: skip-file")
    }),
    hash("pragma: no cover"),
    hash("pragma: no branch"),
    hash("nosec"),
    hash("bandit: skip"),
    whole(hash("isort: skip_file")),
    hash("isort: skip"),
    hash("fmt: off"),
    hash("fmt: skip"),
    hash("yapf: disable"),
    hash("shellcheck disable"),
    hash("rubocop:disable"),
    hash("rubocop: disable"),
    slashes("eslint-disable-next-line"),
    slashes("eslint-disable-line"),
    whole(slashes("eslint-disable")),
    slashes("oxlint-disable-next-line"),
    slashes("oxlint-disable-line"),
    whole(slashes("oxlint-disable")),
    whole(slashes("tslint:disable")),
    slashes("@ts-ignore"),
    slashes("@ts-expect-error"),
    whole(slashes("@ts-nocheck")),
    slashes("prettier-ignore"),
    whole(slashes("biome-ignore-all")),
    slashes("biome-ignore"),
    slashes("deno-lint-ignore"),
    slashes("stylelint-disable"),
    slashes("istanbul ignore"),
    slashes("c8 ignore"),
    slashes("v8 ignore"),
    slashes("node:coverage ignore"),
    slashes("node:coverage disable"),
    slashes("nolint"),
    slashes("#nosec"),
    slashes("nosec"),
    slashes("lint:ignore"),
    whole(slashes("lint:file-ignore")),
    slashes("NOLINTNEXTLINE"),
    slashes("NOLINTBEGIN"),
    slashes("NOLINT"),
    slashes("swiftlint:disable"),
    slashes("ktlint-disable"),
    slashes("clang-format off"),
    slashes("phpcs:ignore"),
    slashes("@phpstan-ignore"),
    anywhere("NOSONAR"),
    anywhere("nosemgrep"),
    anywhere("semgrep: ignore"),
    anywhere("nosem"),
];

/// All of a source, each with its line.
pub(super) fn of(language: Language, source: &Source<'_>) -> Vec<Suppression> {
    let mut found = Vec::new();
    for (index, token) in source.tokens.iter().enumerate() {
        if token.kind != Kind::Comment {
            continue;
        }
        for (offset, line) in source.at(index).lines().enumerate() {
            let line_number = token
                .line
                .saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
            of_line(language, line, line_number, &mut found);
        }
    }
    found
}

/// What one line of a comment silences.
fn of_line(language: Language, line: &str, line_number: u32, found: &mut Vec<Suppression>) {
    let hash = matches!(language, Language::Python | Language::Hash);
    let known: Vec<&Marker> = MARKERS
        .iter()
        .filter(|marker| if hash { marker.hash } else { marker.slashes })
        .collect();
    let mut taken = Vec::new();
    for (at, body) in bodies(line, hash) {
        let Some((marker, rest)) = known
            .iter()
            .find_map(|marker| Some((*marker, behind(marker, body, at == 0)?)))
        else {
            continue;
        };
        if taken.contains(&marker.text) {
            continue;
        }
        taken.push(marker.text);
        for code in codes(rest) {
            let key = Key {
                marker: marker.text,
                file_wide: marker.file_wide,
                code,
            };
            let quoted = body.trim().trim_end_matches("*/").trim().to_owned();
            found.push(Suppression {
                key,
                line: line_number,
                quoted,
            });
        }
    }
}

/// Most parts of one line that are looked at: nobody writes more.
const PARTS: usize = 16;

/// The texts behind the signs that open a comment, with their positions; behind each further `#` another
/// tool's text may begin.
fn bodies(line: &str, hash: bool) -> Vec<(usize, &str)> {
    let signs = |letter: char| letter.is_whitespace() || "/*!#".contains(letter);
    if !hash {
        let plain = line
            .trim_start_matches(|letter: char| letter.is_whitespace() || "/*!".contains(letter));
        return vec![(0, plain)];
    }
    let parts = line.split('#').filter(|part| !part.trim().is_empty());
    parts
        .take(PARTS)
        .enumerate()
        .map(|(at, part)| (at, part.trim_start_matches(signs)))
        .collect()
}

/// What follows a marker in a text that holds it.
fn behind<'a>(marker: &Marker, body: &'a str, first: bool) -> Option<&'a str> {
    match marker.place {
        Place::First => after_words(marker.text, body),
        Place::Anywhere if !first => after_words(marker.text, body),
        Place::Anywhere => {
            let start = marker.text.split(' ').next()?;
            let found = find_ignoring_case(body, start)?;
            let apart = body
                .get(..found)?
                .chars()
                .next_back()
                .is_none_or(|one| !one.is_alphanumeric());
            after_words(marker.text, body.get(found..)?).filter(|_| apart)
        }
    }
}

fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    text.windows(word.len())
        .position(|window| window.eq_ignore_ascii_case(word))
}

/// The text behind the words of a marker. White space between them is the author's to choose, and so is
/// their case; behind them no word goes on.
fn after_words<'a>(marker: &str, text: &'a str) -> Option<&'a str> {
    let mut rest = text;
    for letter in marker.chars() {
        if letter == ' ' {
            rest = rest.trim_start();
            continue;
        }
        if letter == ':' {
            rest = rest.trim_start();
        }
        let first = rest
            .chars()
            .next()
            .filter(|first| first.eq_ignore_ascii_case(&letter))?;
        rest = rest.get(first.len_utf8()..)?;
    }
    let goes_on = rest
        .chars()
        .next()
        .is_some_and(|next| next.is_alphanumeric() || matches!(next, '_' | '-'));
    (!goes_on || marker.ends_with("report") || marker == "@phpstan-ignore").then_some(rest)
}

/// The codes that a suppression names; everything, where it names none.
fn codes(rest: &str) -> Vec<String> {
    let named = rest.trim_start();
    let opener = named.chars().next().filter(|first| ":=[(".contains(*first));
    let listed = opener.is_some() || rest.starts_with([' ', '\t']) && looks_like_rule(named);
    let list = named.trim_start_matches([':', '=', '[', '(', ' ', '\t']);
    let end = list.find([']', ')', '#']).unwrap_or(list.len());
    let list = list.get(..end).unwrap_or_default();
    let list = list.split(" -- ").next().unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    if listed {
        for part in list.split(',').take(PARTS * 4) {
            let mut words = part.split_whitespace();
            let Some(word) = words.next().filter(|word| is_code(word)) else {
                break;
            };
            found.push(word.to_owned());
            // Behind a code and a space prose follows, but for tools that separate codes by spaces.
            let more = words.take_while(|word| looks_like_rule(word));
            found.extend(more.map(str::to_owned));
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        found.push(EVERYTHING.to_owned());
    }
    found
}

fn is_code(word: &str) -> bool {
    let letters = |one: char| one.is_ascii_alphanumeric() || "-_/@.:".contains(one);
    word.chars().all(letters) && word.chars().any(|one| one.is_ascii_alphanumeric())
}

/// `E501`, `no-console`, `@scope/rule`: no word of a sentence.
fn looks_like_rule(text: &str) -> bool {
    let word = text.split([' ', '\t', ',']).next().unwrap_or_default();
    let digits = word.ends_with(|last: char| last.is_ascii_digit());
    let capital = word.starts_with(|first: char| first.is_ascii_uppercase());
    is_code(word) && ((capital && digits) || word.trim_matches('-').contains(['-', '/']))
}
