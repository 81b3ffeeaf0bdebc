//! Python's text as statements of tokens, as far as telling what a statement does to what it names.
//!
//! What is no Python, or cannot be told from it, has no statements: the caller then has to think the worst.

use super::tokens::Lexer;

/// Bytes of a text that is read; a file of tests of a tenth of it is a long one.
const LONGEST: usize = 1 << 20;
/// Tokens of a statement, tables of data included: each name in it may be sought in all of it.
const WIDEST: usize = 10_000;

/// What a line begins with that a colon ends and others follow.
const HEADERS: [&str; 14] = [
    "if", "elif", "else", "for", "while", "with", "try", "except", "finally", "def", "class",
    "async", "match", "case",
];

/// Words that name nothing.
const KEYWORDS: [&str; 33] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "case",
];

/// A statement, or the head of a compound one.
pub(super) struct Statement<'t> {
    /// The column at which its line begins; one more for what follows a colon on the same line.
    pub(super) indent: usize,
    /// Its tokens; a head has lost its colon.
    pub(super) tokens: Vec<&'t str>,
    /// For each bracket that is opened, where what follows its end begins.
    closed: Vec<Option<usize>>,
    /// How many brackets are open around each token.
    depths: Vec<usize>,
}

/// What is done with a name or a value: `calc.table[3].clear()`.
pub(super) struct Chain<'t> {
    /// Where it begins, and where what follows it begins.
    pub(super) begin: usize,
    /// Behind the first of it: where the steps begin.
    pub(super) first: usize,
    /// Behind all of it.
    pub(super) end: usize,
    pub(super) steps: Vec<Step<'t>>,
}

/// One step of a chain, with where the inside of its brackets begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step<'t> {
    Attribute(&'t str),
    Index,
    Call(usize, usize),
}

impl<'t> Statement<'t> {
    fn new(indent: usize, tokens: Vec<&'t str>) -> Option<Self> {
        if tokens.len() > WIDEST {
            return None;
        }
        let (mut closed, mut open) = (vec![None; tokens.len()], Vec::new());
        let mut depths = Vec::with_capacity(tokens.len());
        for (at, token) in tokens.iter().enumerate() {
            match *token {
                "(" | "[" | "{" => open.push((at, *token)),
                ")" | "]" | "}" => {
                    let (begin, bracket) = open.pop()?;
                    if !matches!((bracket, *token), ("(", ")") | ("[", "]") | ("{", "}")) {
                        return None;
                    }
                    *closed.get_mut(begin)? = Some(at + 1);
                }
                _ => {}
            }
            depths.push(open.len());
        }
        open.is_empty().then_some(Self {
            indent,
            tokens,
            closed,
            depths,
        })
    }

    pub(super) fn token(&self, at: usize) -> Option<&'t str> {
        self.tokens.get(at).copied()
    }

    /// The token before this one.
    pub(super) fn before(&self, at: usize) -> Option<&'t str> {
        self.token(at.checked_sub(1)?)
    }

    pub(super) fn has(&self, token: &str) -> bool {
        self.tokens.contains(&token)
    }

    /// Where what follows a bracket's end begins; the next token where there is none.
    pub(super) fn after(&self, at: usize) -> usize {
        self.closed.get(at).copied().flatten().unwrap_or(at + 1)
    }

    /// The places of a range that stand in no bracket of it.
    pub(super) fn outside(&self, begin: usize, end: usize) -> impl Iterator<Item = usize> + '_ {
        let next = move |at: &usize| Some(self.after(*at)).filter(|next| *next < end);
        std::iter::successors(Some(begin).filter(|at| *at < end), next)
    }

    /// The parts of a range between its commas.
    pub(super) fn parts(&self, begin: usize, end: usize) -> Vec<(usize, usize)> {
        let (mut parts, mut start, mut lambdas) = (Vec::new(), begin, 0_usize);
        for at in self.outside(begin, end) {
            match self.token(at) {
                Some("lambda") => lambdas += 1,
                Some(":") => lambdas = lambdas.saturating_sub(1),
                Some(",") if lambdas == 0 => {
                    parts.push((start, at));
                    start = at + 1;
                }
                _ => {}
            }
        }
        parts.push((start, end));
        parts.retain(|(start, end)| start < end);
        parts
    }

    /// Whether a value begins here, and no part of one.
    fn begins_value(&self, at: usize) -> bool {
        let Some(token) = self.token(at) else {
            return false;
        };
        let behind_value = self.before(at).is_some_and(|before| {
            (is_name(before) && !is_keyword(before))
                || is_literal(before)
                || [")", "]", "}"].contains(&before)
        });
        match token {
            "(" | "[" => !behind_value,
            "{" => true,
            token if is_name(token) => !(is_keyword(token) || self.labels(at)),
            token => is_literal(token),
        }
    }

    /// Whether a name here is an attribute, a keyword of a call, or what is defined.
    fn labels(&self, at: usize) -> bool {
        let keyword =
            self.token(at + 1) == Some("=") && self.depths.get(at).is_some_and(|depth| *depth > 0);
        keyword || matches!(self.before(at), Some("." | "def" | "class"))
    }

    /// Whether this is a name that stands for something, and no part of something else.
    pub(super) fn is_root(&self, at: usize) -> bool {
        self.token(at).is_some_and(is_name) && self.begins_value(at)
    }

    /// The chain that begins here, if any does.
    pub(super) fn chain(&self, at: usize) -> Option<Chain<'t>> {
        if !self.begins_value(at) {
            return None;
        }
        let first = self.after(at);
        let (mut end, mut steps) = (first, Vec::new());
        while let Some((step, next)) = self.step(end) {
            steps.push(step);
            end = next;
        }
        Some(Chain {
            begin: at,
            first,
            end,
            steps,
        })
    }

    fn step(&self, at: usize) -> Option<(Step<'t>, usize)> {
        let after = self.after(at);
        match self.token(at)? {
            "." => Some((Step::Attribute(self.token(at + 1)?), at + 2)),
            "(" => Some((Step::Call(at + 1, after - 1), after)),
            "[" => Some((Step::Index, after)),
            _ => None,
        }
    }

    /// All chains, those within others as well.
    pub(super) fn chains(&self) -> impl Iterator<Item = Chain<'t>> + '_ {
        (0..self.tokens.len()).filter_map(|at| self.chain(at))
    }

    /// Whether this is the head of a function, and whether of a class.
    pub(super) fn defines(&self) -> Option<(&'t str, usize)> {
        let (at, name) = match self.tokens.as_slice() {
            ["def" | "class", name, ..] => (2, name),
            ["async", "def", name, ..] => (3, name),
            _ => return None,
        };
        Some((name, at))
    }

    /// Whether `with` begins it.
    pub(super) fn is_with(&self) -> bool {
        matches!(self.tokens.as_slice(), ["with", ..] | ["async", "with", ..])
    }
}

pub(super) fn is_name(token: &str) -> bool {
    !is_literal(token) && token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

pub(super) fn is_keyword(token: &str) -> bool {
    KEYWORDS.contains(&token)
}

/// A string or a number.
pub(super) fn is_literal(token: &str) -> bool {
    token.ends_with(['"', '\''])
        || token.starts_with(|first: char| first.is_ascii_digit())
        || token == "..."
}

/// What stands between the quotes of a string.
fn quoted(token: &str) -> Option<&str> {
    let text = token.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let quote = quotes.into_iter().find(|quote| text.starts_with(quote))?;
    text.strip_prefix(quote)?.strip_suffix(quote)
}

/// The strings in the statements that name one of these, and in those that give a value to what else such a
/// statement names; none where the text is no Python.
pub(crate) fn strings_of<'t>(text: &'t str, names: &[&str]) -> Option<Vec<&'t str>> {
    let statements = statements(text)?;
    let naming = || {
        statements
            .iter()
            .filter(|one| names.iter().any(|name| one.has(name)))
    };
    let others: Vec<&str> = naming()
        .flat_map(|one| one.tokens.iter().copied())
        .filter(|token| is_name(token))
        .collect();
    let gives = |one: &&Statement<'_>| matches!(one.tokens.as_slice(), [name, sign, ..] if others.contains(name) && (*sign == "=" || *sign == ":" || is_augmented(sign)));
    let all = naming().chain(statements.iter().filter(gives));
    Some(
        all.flat_map(|one| one.tokens.iter().filter_map(|token| quoted(token)))
            .collect(),
    )
}

/// What adds to what is there.
pub(super) fn is_augmented(token: &str) -> bool {
    token.len() > 1 && token.ends_with('=') && !["==", "<=", ">=", "!=", ":="].contains(&token)
}

/// The statements of a text.
pub(super) fn statements(text: &str) -> Option<Vec<Statement<'_>>> {
    if text.len() > LONGEST {
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if declares_encoding(text) {
        return None;
    }
    let mut lexer = Lexer::new(text);
    let mut found = Vec::new();
    loop {
        let indent = lexer.indent();
        let more = lexer.line()?;
        split(indent, std::mem::take(&mut lexer.tokens), &mut found)?;
        if !more {
            return Some(found);
        }
    }
}

/// Whether the bytes may stand for another text than the one at hand.
fn declares_encoding(text: &str) -> bool {
    let lines = text.split(['\n', '\r']).take(3);
    let mut comments = lines.filter_map(|line| line.trim_start().strip_prefix('#'));
    comments.any(|comment| {
        let named = comment
            .split_once("coding")
            .map(|(_, rest)| rest.trim_start_matches([':', '=', ' ']));
        let known = |name: &str| {
            ["utf-8", "utf8", "ascii", "us-ascii"]
                .iter()
                .any(|one| name.to_ascii_lowercase().starts_with(one))
        };
        comment.contains("coding:") | comment.contains("coding=") && !named.is_some_and(known)
    })
}

/// A line as its statements.
fn split<'t>(indent: usize, tokens: Vec<&'t str>, found: &mut Vec<Statement<'t>>) -> Option<()> {
    let whole = Statement::new(indent, tokens)?;
    let first = whole.token(0);
    let head = first
        .filter(|first| HEADERS.contains(first))
        .and_then(|_| head_end(&whole));
    let (mut begin, mut column) = (0, indent);
    let ends = whole.outside(0, whole.tokens.len());
    let ends = ends.filter(|at| whole.token(*at) == Some(";") || Some(*at) == head);
    for end in ends.chain([whole.tokens.len()]).collect::<Vec<_>>() {
        let part = whole.tokens.get(begin..end)?.to_vec();
        if !part.is_empty() {
            found.push(Statement::new(column, part)?);
        }
        begin = end + 1;
        column = indent + usize::from(head.is_some_and(|head| head <= end));
    }
    Some(())
}

/// The colon that ends a head; none where this is none, as with a variable called `match`.
fn head_end(line: &Statement<'_>) -> Option<usize> {
    let mut lambdas = 0_usize;
    for at in line.outside(0, line.tokens.len()) {
        match line.token(at)? {
            "lambda" => lambdas += 1,
            ":" if lambdas > 0 => lambdas -= 1,
            ":" => {
                return Some(at).filter(|at| {
                    *at > 1
                        || ["else", "try", "finally", "except"]
                            .contains(&line.tokens.first().copied().unwrap_or_default())
                });
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statements, one a line, with their columns.
    fn shown(text: &str) -> String {
        let Some(found) = statements(text) else {
            return "none".to_owned();
        };
        let shown = found
            .iter()
            .map(|one| format!("{} {}", one.indent, one.tokens.join(" ")));
        shown.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_text_is_taken_apart_as_python_does() {
        for (text, expected) in [
            ("x=-1; y = 2 # c\n", "0 x = - 1\n0 y = 2"),
            ("# c\rx = 1", "0 x = 1"),
            ("if a:\n\tb(1,\n 2)\n", "0 if a\n8 b ( 1 , 2 )"),
            ("if a: b; c", "0 if a\n1 b\n1 c"),
            ("f = lambda x: x", "0 f = lambda x : x"),
            (
                "for x in (lambda: y)(): z",
                "0 for x in ( lambda : y ) ( )\n1 z",
            ),
            (
                "match = 3\nmatch: int = 3",
                "0 match = 3\n0 match : int = 3",
            ),
            ("else: x", "0 else\n1 x"),
            ("x = a \\\n .b", "0 x = a . b"),
            ("rb'a\\'b' 'c'", "0 rb'a\\'b' 'c'"),
            ("'''a\n'b'''", "0 '''a\n'b'''"),
            ("f'a{b!r}{{c}}{d:>{e}}{f=}'", "0 \"\" % ( b , d e , , f , )"),
            (
                "f'{a[\"b\"]}' + f\"{'}'}\"",
                "0 \"\" % ( a [ \"b\" ] , ) + \"\" % ( '}' , )",
            ),
            ("f'{'a'}'", "0 \"\" % ( 'a' , )"),
            ("x = 1.5e3 + .5", "0 x = 1.5e3 + . 5"),
            ("'a\nb'", "none"),
            ("f'{a'", "none"),
            ("(a]", "none"),
            ("(a", "none"),
            ("ｓetattr", "none"),
            ("# coding: rot13\nx", "none"),
            ("# -*- coding: utf-8 -*-\nx", "0 x"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_chain_has_the_steps_that_follow_its_name() {
        let found = statements("x = calc.table[3].clear(a.b)").unwrap();
        let chains: Vec<(usize, usize)> = found
            .iter()
            .flat_map(Statement::chains)
            .map(|chain| (chain.begin, chain.steps.len()))
            .collect();
        assert_eq!(chains, [(0, 0), (2, 4), (6, 0), (11, 1)]);
    }
}
