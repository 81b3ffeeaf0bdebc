//! Whether a module of Python tests may change what the tests of other files see.
//!
//! Test files of one run share a process, so a file that comes with a change can patch the product for
//! all the others. Running every other test once more without it would show that, and cost a second suite
//! for each added test; so this reads the text for what such a patch needs: an assignment to a part of
//! something imported, a call that changes it in place, a way around names. It is no proof: code that a
//! test calls can change state as well, and a name can be reached in more ways than are listed. What is
//! listed here costs honest files a second run and nothing else, so doubt counts as influence.

use std::collections::BTreeMap;

/// Functions that reach what they are given a name for. As methods they are other things: `re.compile`,
/// and pytest's own `monkeypatch.setattr`, which is undone.
const REACHING: &[&str] = &[
    "setattr", "delattr", "exec", "eval", "compile", "globals", "vars", "reload",
];

/// What lays hands on other modules wherever it stands.
const REACHING_ANYWHERE: &[&str] = &[
    "MonkeyPatch",
    "_getframe",
    "f_globals",
    "f_locals",
    "f_back",
    "pytest_plugins",
    "builtins",
    "gc",
    "ctypes",
    "cffi",
    "atexit",
    "inspect",
    "importlib",
    "runpy",
];

/// Names with two underscores around them that change nothing.
const HARMLESS: &[&str] = &[
    "__future__",
    "__name__",
    "__main__",
    "__file__",
    "__doc__",
    "__all__",
    "__version__",
    "__init__",
    "__enter__",
    "__exit__",
    "__aenter__",
    "__aexit__",
    "__eq__",
    "__ne__",
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
    "__hash__",
    "__repr__",
    "__str__",
    "__len__",
    "__iter__",
    "__next__",
    "__call__",
    "__getitem__",
    "__contains__",
    "__bool__",
    "__add__",
    "__test__",
    "__tracebackhide__",
];

/// Methods that change a list, a set or a dictionary in place.
const CHANGING: &[&str] = &[
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "popitem",
    "clear",
    "update",
    "setdefault",
    "add",
    "discard",
    "sort",
    "reverse",
];

/// Whether the text may reach into other modules; true also of what is no Python.
#[must_use]
pub fn may_influence(text: &str) -> bool {
    let Some(lines) = logical_lines(text) else {
        return true;
    };
    let others = names_of_others(&lines);
    let mut lines = lines.iter().map(|tokens| Line::new(tokens));
    lines.any(|line| line.reaches() || line.chains(&others).any(|chain| chain.changes()))
}

/// What stands behind a name that is not the file's own.
#[derive(Clone, Copy, PartialEq)]
enum Other {
    /// A module: what it has is called, not changed, by one word.
    Module,
    Thing,
}

/// The names by which a file has what is not its own: what it imports, and what it calls that again.
fn names_of_others<'t>(lines: &[Vec<&'t str>]) -> BTreeMap<&'t str, Other> {
    let mut names = BTreeMap::new();
    let words = |rest: &[&'t str], other| {
        let names = rest.iter().filter(|token| is_name(token)).copied();
        let names = names.filter(|word| !["import", "as"].contains(word));
        names.map(move |name| (name, other)).collect::<Vec<_>>()
    };
    for line in lines {
        match line.as_slice() {
            ["import", rest @ ..] => names.extend(words(rest, Other::Module)),
            ["from", rest @ ..] => names.extend(words(rest, Other::Thing)),
            // Another name for the same thing, or for some of it.
            [name, "=", value, rest @ ..] if names.contains_key(value) && !rest.contains(&"(") => {
                names.insert(*name, Other::Thing);
            }
            ["for", name, "in", rest @ ..] if rest.iter().any(|word| names.contains_key(word)) => {
                names.insert(*name, Other::Thing);
            }
            _ => {}
        }
    }
    names
}

/// A line, with what would have to be sought again for each of its names.
struct Line<'l, 't> {
    tokens: &'l [&'t str],
    /// For each bracket that is closed, where what follows it begins.
    closed: Vec<Option<usize>>,
    /// The last one that is no argument of a call.
    last_assignment: Option<usize>,
}

impl<'l, 't> Line<'l, 't> {
    fn new(tokens: &'l [&'t str]) -> Self {
        let (mut closed, mut open) = (vec![None; tokens.len()], Vec::new());
        let mut last_assignment = None;
        for (at, token) in tokens.iter().enumerate() {
            match *token {
                "(" | "[" | "{" => open.push(at),
                ")" | "]" | "}" => {
                    let place = open.pop().and_then(|begin: usize| closed.get_mut(begin));
                    place.into_iter().for_each(|end| *end = Some(at + 1));
                }
                _ if open.is_empty() && is_assignment(token) => last_assignment = Some(at),
                _ => {}
            }
        }
        Self {
            tokens,
            closed,
            last_assignment,
        }
    }

    fn token(&self, at: usize) -> Option<&'t str> {
        self.tokens.get(at).copied()
    }

    fn is_attribute(&self, at: usize) -> bool {
        at.checked_sub(1).and_then(|before| self.token(before)) == Some(".")
    }

    fn reaches(&self) -> bool {
        let mut tokens = self.tokens.iter().enumerate();
        tokens.any(|(at, token)| {
            let special = token.len() > 4 && token.starts_with("__") && token.ends_with("__");
            REACHING_ANYWHERE.contains(token)
                || (special && !HARMLESS.contains(token))
                || (REACHING.contains(token) && !self.is_attribute(at))
        })
    }

    fn chains<'a>(
        &'a self,
        others: &'a BTreeMap<&'t str, Other>,
    ) -> impl Iterator<Item = Chain<'a, 'l, 't>> {
        let names = self.tokens.iter().enumerate();
        let begins = names.filter(|(at, _)| !self.is_attribute(*at));
        begins.filter_map(|(at, name)| Some(Chain::at(self, at, *others.get(name)?)))
    }

    /// The step that stands here, and where the next one would.
    fn step(&self, at: usize) -> Option<(Step<'t>, usize)> {
        let closed = || self.closed.get(at).copied().flatten();
        match self.token(at)? {
            "." => Some((Step::Attribute(self.token(at + 1)?), at + 2)),
            "(" => Some((Step::Call, closed()?)),
            "[" => Some((Step::Index, closed()?)),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Step<'t> {
    Attribute(&'t str),
    Index,
    Call,
}

/// What is done with a name of another's: `calc.table[3].clear()`.
struct Chain<'a, 'l, 't> {
    line: &'a Line<'l, 't>,
    of: Other,
    /// Where in the line it begins and ends.
    begin: usize,
    end: usize,
    steps: Vec<Step<'t>>,
}

impl<'a, 'l, 't> Chain<'a, 'l, 't> {
    fn at(line: &'a Line<'l, 't>, begin: usize, of: Other) -> Self {
        let (mut end, mut steps) = (begin + 1, Vec::new());
        while let Some((step, next)) = line.step(end) {
            steps.push(step);
            end = next;
        }
        Self {
            line,
            of,
            begin,
            end,
            steps,
        }
    }

    fn changes(&self) -> bool {
        match self.steps.as_slice() {
            [.., Step::Attribute(_) | Step::Index] => self.is_target(),
            [before @ .., Step::Attribute(name), Step::Call] => {
                // A patch that ends with nothing; else what a call gives belongs to who called.
                let thing = self.of == Other::Thing || !before.is_empty();
                (*name == "start" && self.is_patch(before))
                    || (thing && CHANGING.contains(name) && !before.contains(&Step::Call))
            }
            _ => false,
        }
    }

    fn is_target(&self) -> bool {
        let before = self.begin.checked_sub(1).and_then(|at| self.line.token(at));
        let first = self.line.token(0);
        match self.line.token(self.end) {
            // Types and defaults of parameters.
            _ if matches!(self.line.tokens, ["def", ..] | ["async", "def", ..]) => false,
            _ if before == Some("as") || first == Some("del") => true,
            // The type of what is assigned to comes next.
            Some(":") => self.begin == 0,
            Some(next) if is_assignment(next) => true,
            Some("in") => first == Some("for"),
            Some("," | ")" | "]") => self.line.last_assignment > Some(self.end),
            _ => false,
        }
    }

    fn is_patch(&self, before: &[Step<'_>]) -> bool {
        self.line.token(self.begin) == Some("patch") || before.contains(&Step::Attribute("patch"))
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn is_assignment(token: &str) -> bool {
    let compared = ["==", "<=", ">=", "!="].contains(&token);
    token.ends_with('=') && !compared
}

/// The tokens of each line that ends outside of brackets, or with a colon; a string is one quote. None
/// where a string does not end.
fn logical_lines(text: &str) -> Option<Vec<Vec<&str>>> {
    let (mut lines, mut line, mut depth) = (Vec::new(), Vec::new(), 0_usize);
    let mut rest = text;
    while let Some((token, after)) = next_token(rest)? {
        rest = after;
        match token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = depth == 0 && matches!(token, "\n" | ";" | ":");
        if !matches!(token, "\n" | ";") {
            line.push(token);
        }
        if ends {
            lines.push(std::mem::take(&mut line));
        }
    }
    lines.push(line);
    Some(lines)
}

/// A token and what follows it.
type Token<'t> = (&'t str, &'t str);

/// The next token, none at the end; no answer in a string that does not end.
fn next_token(text: &str) -> Option<Option<Token<'_>>> {
    let text = skip_blanks(text);
    let Some(first) = text.chars().next() else {
        return Some(None);
    };
    let name = text.find(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    let (word, after) = text.split_at(name.unwrap_or(text.len()));
    let prefix = word.len() <= 2 && word.chars().all(|letter| "rbfutRBFUT".contains(letter));
    if prefix && after.starts_with(['"', '\'']) {
        return Some(Some(string(after)?));
    }
    if !word.is_empty() {
        return Some(Some((word, after)));
    }
    let operators = text.find(|letter: char| !"+-*/%@&|^<>=!:".contains(letter));
    let length = match operators {
        // A colon is one by itself, but for the one that assigns within an expression.
        _ if first == ':' && !text.starts_with(":=") => 1,
        Some(0) => first.len_utf8(),
        Some(length) => length,
        None => text.len(),
    };
    Some(text.split_at_checked(length))
}

/// A string as the token of its quote.
fn string(text: &str) -> Option<Token<'_>> {
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let quote = quotes.into_iter().find(|quote| text.starts_with(quote))?;
    let mut at = quote.len();
    loop {
        let rest = text.get(at..)?;
        if let Some(after) = rest.strip_prefix(quote) {
            return Some((text.get(..1)?, after));
        }
        let mut letters = rest.chars();
        match letters.next()? {
            '\n' if quote.len() == 1 => return None,
            '\\' => at += 1 + letters.next()?.len_utf8(),
            letter => at += letter.len_utf8(),
        }
    }
}

/// Past blanks, comments, and ends of lines that do not end the line.
fn skip_blanks(text: &str) -> &str {
    let mut text = text;
    loop {
        let trimmed = text.trim_start_matches([' ', '\t', '\u{c}', '\r']);
        let rest = match trimmed.strip_prefix('#') {
            Some(comment) => comment.get(comment.find('\n').unwrap_or(comment.len())..),
            None => trimmed
                .strip_prefix("\\\n")
                .or_else(|| trimmed.strip_prefix("\\\r\n")),
        };
        match rest {
            Some(rest) => text = rest,
            None => return trimmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_do_to_their_own_is_no_influence() {
        for text in [
            "import calc\n\ndef test_half():\n    assert calc.half(4) == 2, calc.NAMES\n",
            "from calc import Money\n\ndef test_money():\n    money = Money(3)\n    money.amount = 4\n    money.parts['a'] = 1\n",
            "import pytest\n\nclass TestA:\n    def setup_method(self):\n        self.x: int = 1\n        self.y, self.z = 2, 3\n",
            "import calc\n\ndef test_patched(monkeypatch):\n    monkeypatch.setattr(calc, 'half', re.compile('x'))\n",
            "from unittest import mock\n\ndef test_mocked():\n    with mock.patch('calc.half') as half:\n        half.return_value = 3\n",
            "import calc\n# calc.half = 3\nTEXT = 'calc.half = 3'\n\"\"\"\ncalc.half = 3\n\"\"\"\n",
            "import json\n\ndef test_json():\n    json.loads('{}').update(a=1)\n    result = dict(a=json.x, b=2)\n    result['a'] = 3\n",
            "import calc\nexpected = {1: calc.half, 2: 3}\nassert calc.TABLE[1] == expected[1] and calc.half(n=1) <= 2\n",
            "import calc\n\ndef test_less():\n    assert calc.less(3, 1) == 2\n\ndef test_vain():\n    assert calc.add(0, 0) == 0\n",
            "import calc\n\ndef test(a: calc.Money = 3, *, b=calc.X) -> calc.Y:\n    pass\n",
            "import calc\n\n@pytest.mark.parametrize('n, m', [(calc.X, 1), (calc.Y, 2)])\ndef test(n, m): pass\n",
        ] {
            assert!(!may_influence(text), "{text}");
        }
    }

    #[test]
    fn what_changes_an_imported_thing_may_influence_others() {
        for line in [
            "calc.half = lambda n: n / 2",
            "calc.half: object = print",
            "calc.TABLE[3] = 4",
            "calc.TABLE[3]['a'] += 4",
            "calc.Money.__add__ = print",
            "x, calc.half = 1, 2",
            "calc.half, x = 1, 2",
            "(x, calc.half) = 1, 2",
            "if True: calc.half = 2",
            "x = 1; calc.half = 2",
            "del calc.half",
            "for calc.half in [print]: pass",
            "with open('x') as calc.half: pass",
            "calc.TABLE.clear()",
            "calc.TABLE \\\n  .update({1: 2})",
            "calc.get().half = 3",
            "same = calc\nsame.half = 3",
            "inner = calc.inner\ninner.half = 3",
            "for one in [calc]:\n    one.half = 3",
            "half.code = 3",
            "setattr(calc, 'half', print)",
            "exec('calc.half = 3')",
            "calc.half.__code__ = print.__code__",
            "patch('calc.half', print).start()",
            "import sys\nsys.modules['calc'] = None",
            "import os\nos.environ['X'] = '1'",
            "import gc",
            "'no end",
            "f'''no end",
        ] {
            let text = format!("import calc\nfrom calc import half as half, patch\n{line}\n");
            assert!(may_influence(&text), "{line}");
        }
    }

    #[test]
    fn any_text_has_an_answer() {
        for text in [
            "",
            "\\",
            "'\\",
            "\u{feff}import a",
            ")))",
            "((((",
            "é = 1",
            "€",
            "a.",
            "import calc\ncalc.((",
        ] {
            let _answered = may_influence(text);
        }
        // Each name begins a chain of its own; brackets must not make that a square of a square.
        let deep = format!("import a\n{}", "a(".repeat(20_000));
        assert!(!may_influence(&deep));
    }
}
