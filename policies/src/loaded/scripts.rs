//! What configuration of JavaScript's test runners has loaded: modules, JSON and YAML.
//!
//! A word is what is quoted, and each piece of a template. It has the keys below which it stands: `include` in
//! `{ test: { include: ['a'] } }`.

use super::{How, Word, options};

/// Keys whose values are loaded, a directory as well.
const LOADING: &[&str] = &[
    "setupFiles",
    "setupFilesAfterEnv",
    "globalSetup",
    "globalTeardown",
    "testEnvironment",
    "environment",
    "runner",
    "testRunner",
    "reporters",
    "reporter",
    "transform",
    "resolver",
    "snapshotSerializers",
    "testSequencer",
    "preset",
    "require",
    "import",
    "loader",
    "extends",
    "file",
];
/// Keys that say what is tested, built, measured or left out.
const ABOUT: &[&str] = &[
    "include",
    "exclude",
    "entry",
    "input",
    "main",
    "module",
    "browser",
    "types",
    "typings",
    "exports",
    "bin",
    "roots",
    "root",
    "testMatch",
    "testRegex",
    "collectCoverageFrom",
    "coverageThreshold",
    "coveragePathIgnorePatterns",
    "testPathIgnorePatterns",
    "watchPathIgnorePatterns",
    "modulePathIgnorePatterns",
    "transformIgnorePatterns",
    "forceCoverageMatch",
    "ignore",
    "spec",
    "watch-files",
    "watch-ignore",
    "outDir",
    "build",
    "optimizeDeps",
    "html",
];
/// Keys that give a name to a module: its first file is the product itself.
const NAMING: &[&str] = &["alias", "moduleNameMapper", "modulePaths"];
/// Tables of `package.json` that test runners read.
const TABLES: &[&str] = &["jest", "mocha", "vitest", "ava", "c8", "nyc"];

pub(super) fn is_configuration(name: &str) -> bool {
    let tool = ["jest.", "vitest.", "vite.", ".mocharc"];
    name == "package.json" || tool.iter().any(|tool| name.starts_with(tool))
}

/// The words of a configuration that may lead to what is loaded.
pub(super) fn words<'t>(name: &str, text: &'t str) -> Vec<Word<'t>> {
    if name.ends_with(".yml") || name.ends_with(".yaml") {
        return in_yaml(text);
    }
    let mut reader = Reader {
        rest: text,
        keys: vec![""],
        last: "",
        found: Vec::new(),
    };
    reader.read();
    let found = reader.found.into_iter();
    match name {
        // A file that is loaded itself, and needs product code as any other.
        name if name.contains("setup") => found
            .filter_map(|quoted| quoted.word())
            .filter(|word| word.how == How::Loads)
            .collect(),
        "package.json" => found.flat_map(|quoted| of_package(&quoted)).collect(),
        _ => found.filter_map(|quoted| quoted.word()).collect(),
    }
}

/// What of a package is about its tests: tables of runners, and scripts that run them.
fn of_package<'t>(quoted: &Quoted<'t>) -> Vec<Word<'t>> {
    match quoted.keys.as_slice() {
        [_, table, ..] if TABLES.contains(table) => quoted.word().into_iter().collect(),
        [_, "scripts", name] if name.split(':').any(|part| part.ends_with("test")) => {
            options::words(quoted.text.split_whitespace())
        }
        _ => Vec::new(),
    }
}

/// A line is a key with a word, or a word of the key before.
fn in_yaml(text: &str) -> Vec<Word<'_>> {
    let mut key = "";
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        if line.trim_start().starts_with('#') {
            continue;
        }
        let pair = line
            .split_once(':')
            .filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
        let value = match pair {
            Some((name, value)) => {
                key = name.trim_matches([' ', '-', '"', '\'']);
                value
            }
            None => line.trim_start().trim_start_matches('-'),
        };
        let between = |letter: char| letter.is_whitespace() || "\"',[]".contains(letter);
        let words = value.split(between).filter(|word| !word.is_empty());
        found.extend(words.filter_map(|text| {
            Quoted {
                keys: vec!["", key],
                text,
            }
            .word()
        }));
    }
    found
}

/// What is quoted, below its keys; the first one is no key of what is configured.
struct Quoted<'t> {
    keys: Vec<&'t str>,
    text: &'t str,
}

impl<'t> Quoted<'t> {
    fn word(&self) -> Option<Word<'t>> {
        let below = |keys: &[&str]| self.keys.iter().skip(1).any(|key| keys.contains(key));
        let stem = self
            .text
            .rsplit('/')
            .next()
            .and_then(|name| name.split('.').next());
        let first = below(NAMING) && stem.is_some_and(|stem| ["index", "main"].contains(&stem));
        if below(ABOUT) || first {
            return None;
        }
        // A constant may be what is loaded.
        let loads = self.keys.iter().any(|key| LOADING.contains(key));
        Some(Word {
            text: self.text,
            how: if loads { How::Loads } else { How::Looks },
        })
    }
}

/// Reads what is quoted, and the keys around it.
struct Reader<'t> {
    rest: &'t str,
    /// The key of each bracket that is open, outermost first.
    keys: Vec<&'t str>,
    /// The last name, string or sign.
    last: &'t str,
    found: Vec<Quoted<'t>>,
}

impl<'t> Reader<'t> {
    fn read(&mut self) {
        while let Some(first) = self.rest.chars().next() {
            match first {
                '"' | '\'' => self.string(first),
                '`' => self.template(),
                '/' if self.rest.starts_with("//") => self.past("\n"),
                '/' if self.rest.starts_with("/*") => self.past("*/"),
                '/' if self.begins_pattern() => self.pattern(),
                first if first.is_alphanumeric() || "_$".contains(first) => self.name(),
                first => self.sign(first),
            }
        }
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn past(&mut self, end: &str) {
        let at = self.rest.get(2..).and_then(|rest| rest.find(end));
        let length = at.map_or(self.rest.len(), |at| 2 + at + end.len());
        self.take(length);
    }

    /// The length of what ends with a quote, without it.
    fn length(&self, quote: char) -> usize {
        let mut escaped = false;
        let mut letters = self.rest.char_indices();
        let end = letters.find(|(_, letter)| {
            let ends = !escaped && *letter == quote;
            escaped = !escaped && *letter == '\\';
            ends
        });
        end.map_or(self.rest.len(), |(at, _)| at)
    }

    fn string(&mut self, quote: char) {
        self.take(1);
        let text = self.take(self.length(quote));
        self.take(1);
        self.quote(text);
        self.last = text;
    }

    /// Each piece of a template: what is computed between them is not known.
    fn template(&mut self) {
        self.take(1);
        let text = self.take(self.length('`'));
        self.take(1);
        let pieces = text.split("${").enumerate();
        for (at, piece) in pieces {
            let piece = if at == 0 {
                piece
            } else {
                piece.split_once('}').map_or("", |(_, piece)| piece)
            };
            self.quote(piece);
        }
        self.last = "`";
    }

    fn quote(&mut self, text: &'t str) {
        self.found.push(Quoted {
            keys: self.keys.clone(),
            text,
        });
    }

    fn name(&mut self) {
        let end = self
            .rest
            .find(|letter: char| !(letter.is_alphanumeric() || "_$".contains(letter)));
        self.last = self.take(end.unwrap_or(self.rest.len()));
    }

    /// Whether a slash begins a regular expression: nothing stands before it that could be divided.
    fn begins_pattern(&self) -> bool {
        matches!(
            self.last,
            "" | "("
                | ","
                | "="
                | ":"
                | "["
                | "!"
                | "&"
                | "|"
                | "?"
                | "{"
                | "}"
                | ";"
                | ">"
                | "return"
        )
    }

    fn pattern(&mut self) {
        self.take(1);
        let text = self.take(
            self.length('/')
                .min(self.rest.find('\n').unwrap_or(self.rest.len())),
        );
        self.take(1);
        self.last = text;
    }

    fn sign(&mut self, first: char) {
        let sign = self.take(first.len_utf8());
        if first.is_whitespace() {
            return;
        }
        match first {
            '{' | '[' | '(' => self
                .keys
                .push(if first == '{' { "" } else { self.called(first) }),
            '}' | ']' | ')' if self.keys.len() > 1 => drop(self.keys.pop()),
            ':' | '=' => self.key(self.last),
            ',' | ';' => self.key(""),
            _ => {}
        }
        self.last = sign;
    }

    /// What is called has its arguments below its name: `require('./a')`.
    fn called(&self, bracket: char) -> &'t str {
        if bracket == '(' { self.last } else { "" }
    }

    fn key(&mut self, key: &'t str) {
        if let Some(last) = self.keys.last_mut() {
            *last = key;
        }
    }
}
