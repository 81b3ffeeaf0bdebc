//! Python's tests as text: examples in documentation, which stand in product text, and what a module of
//! tests may do to others.

mod influence;
mod lines;
mod scopes;
mod tokens;
mod values;
mod words;

pub use influence::may_influence;
pub(crate) use lines::strings_of;

/// What quotes a text of several lines.
const QUOTES: [&str; 2] = ["\"\"\"", "'''"];

/// Whether the candidate's source still has every example of the base's: in the same text, in the same
/// order, and none before or between them, for a text is one test from its first example to its last.
#[must_use]
pub fn examples_kept(base: &str, candidate: &str) -> bool {
    let mut texts = examples(candidate);
    examples(base).iter().all(|known| {
        let found = texts.iter().position(|text| text.starts_with(known));
        found.map(|at| texts.swap_remove(at)).is_some()
    })
}

/// The examples of each quoted text that has any, and of what stands between two such texts.
fn examples(source: &str) -> Vec<Vec<String>> {
    let texts = source.split(QUOTES[0]);
    let texts = texts.flat_map(|text| text.split(QUOTES[1]));
    texts.map(of_text).filter(|text| !text.is_empty()).collect()
}

/// An example is its statement and what it prints, up to an empty line or the next statement.
fn of_text(text: &str) -> Vec<String> {
    let mut examples: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with(">>>") {
            examples.push(String::new());
            open = true;
        }
        open &= !line.is_empty();
        if let Some(example) = examples.last_mut().filter(|_| open) {
            example.push_str(line);
            example.push('\n');
        }
    }
    examples
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str =
        "def total(x):\n    \"\"\"Adds.\n\n    >>> total(1)\n    2\n    \"\"\"\n    return x + 1\n";

    #[test]
    fn examples_are_kept_when_nothing_comes_before_them() {
        let edited = |from: &str, to: &str| {
            assert!(BASE.contains(from), "{from}");
            BASE.replace(from, to)
        };
        for (candidate, expected) in [
            (edited("x + 1", "1 + x"), true),
            (edited("Adds.", "Adds one."), true),
            (edited("    2\n", "    2\n    >>> total(2)\n    3\n"), true),
            (edited("\"\"\"", "'''"), true),
            (format!("'''\n>>> 1\n1\n'''\n{BASE}"), true),
            (edited("    2\n", "    3\n"), false),
            (edited("    2\n", ""), false),
            (edited("    2\n", "    2\n    more\n"), false),
            (edited("(1)\n", "(1) # doctest: +SKIP\n"), false),
            (
                edited("    >>> total", "    >>> total = abs\n    >>> total"),
                false,
            ),
            (String::new(), false),
        ] {
            assert_eq!(examples_kept(BASE, &candidate), expected, "{candidate}");
        }
    }

    #[test]
    fn two_texts_that_are_alike_are_two() {
        let twice = format!("{BASE}{BASE}");
        assert!(examples_kept(&twice, &twice));
        assert!(!examples_kept(&twice, BASE));
    }
}
