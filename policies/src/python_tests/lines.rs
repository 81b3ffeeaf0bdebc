//! Python's text as statements of tokens, as far as telling what a statement does to what it names. Comments are
//! nothing, a string is one token, and what a formatted string computes stands behind it in parentheses.
//!
//! What is no Python, or cannot be told from it, has no statements: the caller then has to think the worst.

/// Brackets in brackets; Python itself gives up at two hundred.
const DEEPEST: usize = 100;

/// Operators of more than one sign, the longer ones first.
const OPERATORS: [&str; 24] = [
    "...", "**=", "//=", ">>=", "<<=", "->", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", ":=",
    "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=",
];

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

/// What adds to what is there.
pub(super) fn is_augmented(token: &str) -> bool {
    token.len() > 1 && token.ends_with('=') && !["==", "<=", ">=", "!=", ":="].contains(&token)
}

/// The statements of a text.
pub(super) fn statements(text: &str) -> Option<Vec<Statement<'_>>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if declares_encoding(text) {
        return None;
    }
    let mut lexer = Lexer {
        rest: text,
        tokens: Vec::new(),
        depth: 0,
    };
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

struct Lexer<'t> {
    rest: &'t str,
    tokens: Vec<&'t str>,
    /// Brackets that are open.
    depth: usize,
}

impl<'t> Lexer<'t> {
    /// The column of the next line's first token.
    fn indent(&mut self) -> usize {
        let mut column = 0;
        loop {
            let first = self.rest.chars().next();
            column = match first {
                Some(' ') => column + 1,
                Some('\t') => (column / 8 + 1) * 8,
                Some('\u{c}' | '\r' | '\n') => 0,
                _ => return column,
            };
            self.skip(1);
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Takes the tokens of one line; no at the end of the text, nothing where it is no Python.
    fn line(&mut self) -> Option<bool> {
        loop {
            self.skip_blanks();
            match self.rest.chars().next() {
                None => return (self.depth == 0).then_some(false),
                Some('\n' | '\r') => {
                    self.skip(1);
                    if self.depth == 0 {
                        return Some(true);
                    }
                }
                Some(_) => self.token()?,
            }
        }
    }

    /// Past blanks, comments, and ends of lines that do not end the line.
    fn skip_blanks(&mut self) {
        loop {
            let trimmed = self.rest.trim_start_matches([' ', '\t', '\u{c}']);
            let continued = ["\\\r\n", "\\\n", "\\\r"]
                .iter()
                .find_map(|end| trimmed.strip_prefix(end));
            self.rest = match trimmed.strip_prefix('#') {
                // A carriage return by itself ends a line, and the comment on it.
                Some(comment) => comment
                    .get(comment.find(['\n', '\r']).unwrap_or(comment.len())..)
                    .unwrap_or_default(),
                None => match continued {
                    Some(rest) => rest,
                    None => {
                        self.rest = trimmed;
                        return;
                    }
                },
            };
        }
    }

    fn take(&mut self, bytes: usize) -> Option<&'t str> {
        let (token, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(token)
    }

    fn token(&mut self) -> Option<()> {
        let rest = self.rest;
        let end = rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
        let word = rest.get(..end.unwrap_or(rest.len()))?;
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            let end = rest
                .find(|letter: char| !(letter.is_ascii_alphanumeric() || "_.".contains(letter)));
            let number = self.take(end.unwrap_or(rest.len()))?;
            self.tokens.push(number);
            return Some(());
        }
        let quoted = rest.get(word.len()..)?.starts_with(['"', '\'']);
        if quoted && word.len() <= 2 && word.chars().all(|letter| "rbfutRBFUT".contains(letter)) {
            let raw = word.contains(['r', 'R']);
            return match word.contains(['f', 'F', 't', 'T']) {
                true => self.formatted(word.len(), raw),
                false => self.string(word.len()),
            };
        }
        // Python takes letters of other alphabets for those that look like them.
        if !word.is_ascii() {
            return None;
        }
        if !word.is_empty() {
            let word = self.take(word.len())?;
            self.tokens.push(word);
            return Some(());
        }
        let operator = OPERATORS.iter().find(|one| rest.starts_with(**one));
        let first = rest.chars().next()?;
        let token = self.take(operator.map_or(first.len_utf8(), |one| one.len()))?;
        match token {
            "(" | "[" | "{" => self.depth += 1,
            ")" | "]" | "}" => self.depth = self.depth.checked_sub(1)?,
            _ if !first.is_ascii() || first == '\\' => return None,
            _ => {}
        }
        self.tokens.push(token);
        (self.depth <= DEEPEST).then_some(())
    }

    /// The quote that begins here.
    fn quote(&self) -> Option<&'static str> {
        let quotes = ["\"\"\"", "'''", "\"", "'"];
        quotes
            .into_iter()
            .find(|quote| self.rest.starts_with(quote))
    }

    fn string(&mut self, prefix: usize) -> Option<()> {
        let whole = self.rest;
        self.skip(prefix);
        let quote = self.quote()?;
        self.skip(quote.len());
        while !self.rest.starts_with(quote) {
            self.letter(quote)?;
        }
        self.skip(quote.len());
        let token = whole.get(..whole.len() - self.rest.len())?;
        self.tokens.push(token);
        Some(())
    }

    /// Past one letter of a string, and what it escapes.
    fn letter(&mut self, quote: &str) -> Option<()> {
        let mut letters = self.rest.chars();
        let mut length = match letters.next()? {
            '\n' | '\r' if quote.len() == 1 => return None,
            letter => letter.len_utf8(),
        };
        if self.rest.starts_with("\\\r\n") {
            length += 2;
        } else if self.rest.starts_with('\\') {
            length += letters.next()?.len_utf8();
        }
        self.skip(length);
        Some(())
    }

    /// A formatted string: an empty one, and what it computes.
    fn formatted(&mut self, prefix: usize, raw: bool) -> Option<()> {
        self.skip(prefix);
        let quote = self.quote()?;
        self.skip(quote.len());
        self.tokens.extend(["\"\"", "%", "("]);
        self.text(quote, raw, false)?;
        self.skip(quote.len());
        self.tokens.push(")");
        Some(())
    }

    /// Past the text of a formatted string up to its quote, or of a format up to its brace.
    fn text(&mut self, quote: &str, raw: bool, format: bool) -> Option<()> {
        loop {
            let end = if format { "}" } else { quote };
            if self.rest.starts_with(end) {
                return Some(());
            }
            if !format && (self.rest.starts_with("{{") || self.rest.starts_with("}}")) {
                self.skip(2);
            } else if self.rest.starts_with('{') {
                self.skip(1);
                self.expression(quote, raw)?;
            } else if self.rest.starts_with("\\{") {
                self.skip(1);
            } else if !raw && self.rest.starts_with("\\N{") {
                self.skip(self.rest.find('}')? + 1);
            } else if format && self.rest.starts_with(quote) {
                return None;
            } else {
                self.letter(quote)?;
            }
        }
    }

    /// What stands in braces.
    fn expression(&mut self, quote: &str, raw: bool) -> Option<()> {
        self.depth += 1;
        let outside = self.depth;
        loop {
            self.skip_blanks();
            let at_end = self.depth == outside;
            let mut letters = self.rest.chars();
            match (letters.next()?, letters.next()) {
                ('}', _) if at_end => break,
                ('!', Some(next)) if at_end && next != '=' => self.skip(2),
                (':', _) if at_end => {
                    self.skip(1);
                    self.text(quote, raw, true)?;
                }
                // `{name=}` is no assignment.
                ('=', Some('}' | '!' | ':')) if at_end => self.skip(1),
                ('\n' | '\r', _) => self.skip(1),
                _ => self.token()?,
            }
        }
        self.skip(1);
        self.depth -= 1;
        self.tokens.push(",");
        Some(())
    }
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
