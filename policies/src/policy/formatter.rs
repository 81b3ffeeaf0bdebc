//! Formatters that a lint check knows without a report: they say which files they would change.

/// A formatter that only checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formatter {
    /// `ruff format --check`
    Ruff,
    /// `cargo fmt --check`, `rustfmt --check`
    Rustfmt,
    /// `prettier --check`
    Prettier,
}

/// Words before the formatter's own name that only start it.
const STARTERS: [&str; 5] = ["npx", "pnpm", "yarn", "uv", "uvx"];

impl Formatter {
    /// The formatter that a command starts to look and not to write; none where it is no known one.
    pub fn of(run: &[String]) -> Option<Self> {
        let words: Vec<&str> = run.iter().map(String::as_str).collect();
        if !words.contains(&"--check") {
            return None;
        }
        let mut rest = words.as_slice();
        let mut first = name(rest.first()?);
        if STARTERS.contains(&first) {
            rest = after(rest, |word| {
                word.starts_with('-') || matches!(word, "run" | "exec")
            })?;
            first = name(rest.first()?);
        } else if first.starts_with("python") && rest.get(1) == Some(&"-m") {
            rest = rest.get(2..)?;
            first = name(rest.first()?);
        }
        match (first, rest.get(1).copied()) {
            ("ruff", Some("format")) => Some(Self::Ruff),
            ("cargo", Some("fmt")) | ("rustfmt" | "cargo-fmt", _) => Some(Self::Rustfmt),
            ("prettier", _) => Some(Self::Prettier),
            _ => None,
        }
    }
}

/// What follows the first word and those that `skip` takes.
fn after<'w, 'a>(words: &'w [&'a str], skip: impl Fn(&str) -> bool) -> Option<&'w [&'a str]> {
    let rest = words.get(1..)?;
    let start = rest.iter().position(|word| !skip(word))?;
    rest.get(start..)
}

fn name<'a>(word: &&'a str) -> &'a str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_formatter_that_only_looks_needs_no_report() {
        for (command, expected) in [
            ("ruff format --check", Some(Formatter::Ruff)),
            (".venv/bin/ruff format --check src", Some(Formatter::Ruff)),
            ("python3 -m ruff format . --check", Some(Formatter::Ruff)),
            (
                "uv run --offline ruff format --check",
                Some(Formatter::Ruff),
            ),
            ("cargo fmt --all --check", Some(Formatter::Rustfmt)),
            ("cargo fmt -- --check", Some(Formatter::Rustfmt)),
            ("rustfmt --check src/lib.rs", Some(Formatter::Rustfmt)),
            (
                "npx --no-install prettier --check .",
                Some(Formatter::Prettier),
            ),
            ("prettier . --check", Some(Formatter::Prettier)),
            ("prettier --write .", None),
            ("ruff format", None),
            ("ruff check --check", None),
            ("black --check .", None),
            ("sh fmt.sh --check", None),
            ("npx", None),
        ] {
            let run: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(Formatter::of(&run), expected, "{command}");
        }
    }
}
