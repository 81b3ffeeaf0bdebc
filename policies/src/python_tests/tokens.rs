//! Python's text as tokens, line by line. Comments are nothing, a string is one token, and what a formatted string
//! computes stands behind it in parentheses.

/// Brackets in brackets; Python itself gives up at two hundred.
const DEEPEST: usize = 50;

/// Operators of more than one sign, the longer ones first.
const OPERATORS: [&str; 24] = [
    "...", "**=", "//=", ">>=", "<<=", "->", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", ":=",
    "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=",
];

/// Takes a text apart.
pub(super) struct Lexer<'t> {
    rest: &'t str,
    pub(super) tokens: Vec<&'t str>,
    /// Brackets that are open.
    depth: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            tokens: Vec::new(),
            depth: 0,
        }
    }

    /// The column of the next line's first token.
    pub(super) fn indent(&mut self) -> usize {
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
    pub(super) fn line(&mut self) -> Option<bool> {
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
