//! Globs over paths: `*` and `?` stay in one part of a path, `**` stands for any number of whole parts, `{a,b}` and `[a-z]` as
//! usual, `\` takes a character as it is. A glob is anchored at the root: `*.md` is a file in the root, `**/*.md` any.

/// Braces that multiply: `{a,b}{a,b}…` doubles with each pair, so there is an end to it.
const MAX_ALTERNATIVES: usize = 256;

/// A list of globs, any of which may match.
#[derive(Clone, Debug, Default)]
pub struct Globs(Vec<Glob>);

impl Globs {
    /// Reads them.
    ///
    /// # Errors
    /// A sentence about the first that is no glob.
    pub fn new<S: AsRef<str>>(globs: impl IntoIterator<Item = S>) -> Result<Self, String> {
        let globs = globs.into_iter().map(|glob| Glob::new(glob.as_ref()));
        Ok(Self(globs.collect::<Result<_, _>>()?))
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(path))
    }

    /// How much of the path is written out in the glob that says most about it: the bytes before its first wildcard. None where
    /// no glob matches.
    #[must_use]
    pub fn specificity(&self, path: &str) -> Option<usize> {
        let matching = self.0.iter().filter(|glob| glob.matches(path));
        matching.map(|glob| glob.literal_start()).max()
    }

    /// As they were written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|glob| glob.text.as_str())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One glob.
#[derive(Clone, Debug)]
pub struct Glob {
    text: String,
    alternatives: Vec<Vec<Part>>,
}

#[derive(Clone, Debug)]
enum Part {
    /// `**`
    Any,
    Name(Vec<Piece>),
}

#[derive(Clone, Debug)]
enum Piece {
    One(char),
    AnyOne,
    Many,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// Reads a glob.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut alternatives = Vec::new();
        expand(text, &mut alternatives)?;
        let alternatives = alternatives.iter().map(|plain| parts(plain));
        Ok(Self {
            text: text.to_owned(),
            alternatives: alternatives.collect::<Result<_, _>>()?,
        })
    }

    /// A glob that matches this path and no other.
    #[must_use]
    pub fn escape(path: &str) -> String {
        let mut escaped = String::with_capacity(path.len());
        for letter in path.chars() {
            if "*?[]{},\\".contains(letter) {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
        escaped
    }

    /// Whether it matches the whole path.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        let mut alternatives = self.alternatives.iter();
        alternatives.any(|parts| matches_path(parts, &names))
    }

    fn literal_start(&self) -> usize {
        self.text
            .find(['*', '?', '[', '{'])
            .unwrap_or(self.text.len())
    }
}

/// Writes braces out. The first brace is replaced by each of its choices, and the rest by recursion, whose depth the number of
/// braces bounds.
fn expand(text: &str, into: &mut Vec<String>) -> Result<(), String> {
    let Some((before, choices, after)) = first_braces(text)? else {
        if into.len() >= MAX_ALTERNATIVES {
            return Err(format!(
                "the glob `{text}` has more than {MAX_ALTERNATIVES} alternatives"
            ));
        }
        into.push(text.to_owned());
        return Ok(());
    };
    for choice in choices {
        expand(&format!("{before}{choice}{after}"), into)?;
    }
    Ok(())
}

/// What stands before the first braces, their choices, and what stands behind them.
type Braces<'a> = (&'a str, Vec<&'a str>, &'a str);

fn first_braces(text: &str) -> Result<Option<Braces<'_>>, String> {
    let mut escaped = false;
    let mut depth = 0_u32;
    let mut bounds = Vec::new();
    for (at, letter) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match letter {
            '\\' => escaped = true,
            '{' => {
                depth += 1;
                if depth == 1 {
                    bounds.push(at);
                }
            }
            ',' if depth == 1 => bounds.push(at),
            '}' if depth == 1 => {
                bounds.push(at);
                return Ok(Some(cut(text, &bounds)));
            }
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if depth > 0 {
        return Err(format!("the glob `{text}` has a `{{` without its `}}`"));
    }
    Ok(None)
}

/// Bounds are the places of one brace, of commas and of one brace, each a single byte.
fn cut<'a>(text: &'a str, bounds: &[usize]) -> Braces<'a> {
    let between = bounds.windows(2).filter_map(|pair| match pair {
        [from, to] => text.get(from + 1..*to),
        _ => None,
    });
    let first = bounds.first().copied().unwrap_or(0);
    let last = bounds.last().copied().unwrap_or(0);
    let before = text.get(..first).unwrap_or_default();
    let after = text.get(last + 1..).unwrap_or_default();
    (before, between.collect(), after)
}

fn parts(plain: &str) -> Result<Vec<Part>, String> {
    if plain.is_empty() {
        return Err("a glob is empty".to_owned());
    }
    if plain.starts_with('/') || plain.split('/').any(|part| part == "..") {
        return Err(format!(
            "the glob `{plain}` leaves the tree: write it from the root, without a first `/` and without `..`"
        ));
    }
    let parts = plain.split('/').map(|part| match part {
        "**" => Ok(Part::Any),
        _ => pieces(part).map(Part::Name),
    });
    parts
        .collect::<Result<_, _>>()
        .map_err(|why: &str| format!("the glob `{plain}` {why}"))
}

fn pieces(part: &str) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut letters = part.chars();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '*' => Piece::Many,
            '?' => Piece::AnyOne,
            '[' => class(&mut letters)?,
            '\\' => Piece::One(letters.next().ok_or("ends with a `\\`")?),
            _ => Piece::One(letter),
        });
    }
    Ok(pieces)
}

fn class(letters: &mut std::str::Chars<'_>) -> Result<Piece, &'static str> {
    const OPEN: &str = "has a `[` without its `]`";
    let rest = letters.as_str();
    let negated = rest.starts_with(['!', '^']);
    if negated {
        letters.next();
    }
    let mut ranges = Vec::new();
    loop {
        let from = letters.next().ok_or(OPEN)?;
        if from == ']' && !ranges.is_empty() {
            return Ok(Piece::Class { negated, ranges });
        }
        let mut ahead = letters.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                *letters = ahead;
                to
            }
            _ => from,
        };
        ranges.push((from, to));
    }
}

/// Only the last `**` needs to be tried again: what an earlier one could take, the later one can take as well.
fn matches_path(parts: &[Part], names: &[&str]) -> bool {
    let (mut part, mut name) = (0, 0);
    let mut again = None;
    while name < names.len() {
        match parts.get(part) {
            // A last `**` stands for something: `a/**` is what is in `a`, not `a` itself.
            Some(Part::Any) if part + 1 == parts.len() => return true,
            Some(Part::Any) => {
                again = Some((part, name));
                part += 1;
                continue;
            }
            Some(Part::Name(pieces))
                if names
                    .get(name)
                    .is_some_and(|name| matches_name(pieces, name)) =>
            {
                part += 1;
                name += 1;
                continue;
            }
            _ => {}
        }
        let Some((any, start)) = again else {
            return false;
        };
        again = Some((any, start + 1));
        part = any + 1;
        name = start + 1;
    }
    part == parts.len()
}

fn matches_name(pieces: &[Piece], name: &str) -> bool {
    let mut piece = 0;
    let mut rest = name.chars();
    let mut again: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let here = rest.clone();
        match (pieces.get(piece), rest.next()) {
            (None, None) => return true,
            (Some(Piece::Many), _) => {
                again = Some((piece, here.clone()));
                piece += 1;
                rest = here;
                continue;
            }
            (Some(wanted), Some(letter)) if matches_letter(wanted, letter) => {
                piece += 1;
                continue;
            }
            _ => {}
        }
        let Some((many, mut start)) = again.take() else {
            return false;
        };
        if start.next().is_none() {
            return false;
        }
        piece = many + 1;
        rest = start.clone();
        again = Some((many, start));
    }
}

fn matches_letter(piece: &Piece, letter: char) -> bool {
    match piece {
        Piece::One(wanted) => *wanted == letter,
        Piece::AnyOne => true,
        Piece::Many => false,
        Piece::Class { negated, ranges } => {
            let inside = ranges
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&letter));
            inside != *negated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_what_it_should_and_nothing_else() {
        let rows: &[(&str, &[&str], &[&str])] = &[
            ("*.md", &["a.md", ".md"], &["b/a.md", "a.mdx"]),
            ("**/*.md", &["a.md", "b/a.md", "c/b/a.md"], &["a.md/b"]),
            (
                "src/**",
                &["src/a", "src/b/a"],
                &["src", "src2/a", "a/src/b"],
            ),
            ("**/web/**", &["web/a", "a/b/web/c/d"], &["web", "a/webs/b"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/b/c", "ab"]),
            ("**/a/**/b", &["a/a/b", "x/a/a/y/b"], &["b", "a/c"]),
            ("{a,b/c}.rs", &["a.rs", "b/c.rs"], &["b.rs", "c.rs"]),
            ("{a,{b,c}d}", &["a", "bd", "cd"], &["b", "d"]),
            ("[a-c]?[!x]", &["abc", "ccc"], &["dbc", "abx", "ab"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a/b"]),
            (r"a\*b", &["a*b"], &["axb"]),
            (r"a\{b,c\}", &["a{b,c}"], &["ab"]),
            ("**", &["a", "a/b"], &[]),
            ("ä?", &["äö"], &["ä", "aö"]),
        ];
        for (glob, yes, no) in rows {
            let compiled = Glob::new(glob).unwrap();
            for path in *yes {
                assert!(compiled.matches(path), "{glob} {path}");
            }
            for path in *no {
                assert!(!compiled.matches(path), "{glob} {path}");
            }
        }
    }

    #[test]
    fn what_is_no_glob_is_refused_with_a_sentence() {
        let many = "{a,b}".repeat(9);
        for (glob, why) in [
            ("a{b", "without its `}`"),
            ("a[b", "without its `]`"),
            ("a\\", "ends with"),
            ("", "empty"),
            ("/a", "leaves the tree"),
            ("a/../b", "leaves the tree"),
            (many.as_str(), "more than 256"),
        ] {
            let error = Glob::new(glob).unwrap_err();
            assert!(error.contains(why), "{glob}: {error}");
        }
    }

    #[test]
    fn an_escaped_path_matches_itself_alone() {
        for path in ["a*b/[c]{d,e}?\\f", "plain/path.rs"] {
            let glob = Glob::new(&Glob::escape(path)).unwrap();
            assert!(glob.matches(path), "{path}");
            assert!(!glob.matches("axb/c"), "{path}");
        }
    }

    #[test]
    fn a_glob_full_of_stars_takes_no_time() {
        let glob = Glob::new(&"*a".repeat(50)).unwrap();
        assert!(!glob.matches(&"a".repeat(5_000).replace('a', "ab")));
        let glob = Glob::new(&format!("{}b", "**/a/".repeat(50))).unwrap();
        assert!(!glob.matches(&vec!["a"; 5_000].join("/")));
    }

    #[test]
    fn the_more_is_written_out_the_more_specific_is_a_glob() {
        let globs = Globs::new(["**/*.py", "src/web/**", "src/**"]).unwrap();
        assert_eq!(globs.specificity("src/web/a.py"), Some("src/web/".len()));
        assert_eq!(globs.specificity("a.py"), Some(0));
        assert_eq!(globs.specificity("a.rs"), None);
    }
}
