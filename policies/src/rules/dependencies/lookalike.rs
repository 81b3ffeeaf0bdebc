//! Names that look like others: the way to make somebody install what they did not mean.

use std::collections::BTreeSet;

use super::facts::Ecosystem;

/// A line an ecosystem: its word, then names that everybody knows.
const POPULAR: &str = include_str!("popular.txt");

/// Shorter names differ by one letter from many others.
const SHORTEST: usize = 5;

/// Longer names are nobody's, and comparing them costs time.
const LONGEST: usize = 100;

/// The known name that a new one could be taken for.
pub(super) fn of<'a>(
    ecosystem: Ecosystem,
    name: &str,
    known: &BTreeSet<&'a str>,
) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let word = match ecosystem {
        Ecosystem::Cargo => "cargo",
        Ecosystem::Python => "python",
        Ecosystem::Npm => "npm",
        Ecosystem::Go => "go",
    };
    let popular = POPULAR
        .lines()
        .find_map(|line| line.strip_prefix(word))
        .unwrap_or_default();
    let all = || known.iter().copied().chain(popular.split_whitespace());
    if all().any(|one| one == name) {
        return None;
    }
    let shape = shape(name);
    all().find(|one| similar(name, &shape, one))
}

fn similar(name: &str, shape: &str, known: &str) -> bool {
    let lengths = name.len().min(known.len());
    if lengths < SHORTEST || name.len().abs_diff(known.len()) > 3 {
        return false;
    }
    shape == self::shape(known) || strsim::osa_distance(name, known) == 1
}

/// A name without what the eye passes over.
fn shape(name: &str) -> String {
    let mut shape = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter.to_ascii_lowercase() {
            '-' | '_' | '.' => {}
            '0' => shape.push('o'),
            '1' | 'i' => shape.push('l'),
            other => shape.push(other),
        }
    }
    shape.replace("rn", "m").replace("vv", "w")
}
