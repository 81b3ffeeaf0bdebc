//! JSON, read by hand.
//!
//! The configuration comes validated from the host, so that all a plugin needs is the values: a general deserializer would be
//! half of the component. Manifests of a tree are read as well, some of which have comments and trailing commas.

/// Lists in lists and tables in tables; deeper ones are refused, since each is a call.
const MAX_DEPTH: usize = 64;

/// A value. Numbers stay as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// As it is written.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A table, in the order of the text.
    Table(Vec<(String, Value)>),
}

impl Value {
    /// The value of a key; none in what is no table.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entries = self.table()?;
        entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The entries of a table.
    #[must_use]
    pub fn table(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// A string.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads one value.
///
/// # Errors
/// A sentence with line and column of what is no JSON.
pub fn parse(text: &str) -> Result<Value, String> {
    Reader {
        text,
        at: 0,
        lenient: false,
    }
    .whole()
}

/// Reads one value, in which comments and commas before a closing bracket are passed over.
///
/// # Errors
/// As for [`parse`].
pub fn parse_with_comments(text: &str) -> Result<Value, String> {
    Reader {
        text,
        at: 0,
        lenient: true,
    }
    .whole()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    lenient: bool,
}

type Read<T> = Result<T, &'static str>;

impl Reader<'_> {
    fn whole(mut self) -> Result<Value, String> {
        let value = self.value(0).and_then(|value| match self.next_mark() {
            None => Ok(value),
            Some(_) => Err("something stands behind the value"),
        });
        value.map_err(|why| {
            let before = self.text.get(..self.at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = crate::source::column(self.text, self.at);
            format!("line {line}, column {column}: {why}")
        })
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            let blank = rest.len() - trimmed.len();
            let comment = match (self.lenient, trimmed.get(..2)) {
                (true, Some("//")) => trimmed.find('\n').unwrap_or(trimmed.len()),
                (true, Some("/*")) => {
                    crate::source::find(trimmed, "*/").map_or(trimmed.len(), |at| at + 2)
                }
                _ => 0,
            };
            self.at += blank + comment;
            if comment == 0 {
                return;
            }
        }
    }

    fn next_mark(&mut self) -> Option<u8> {
        self.skip_blank();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over a mark, where it is the next thing.
    fn take(&mut self, mark: u8) -> bool {
        let taken = self.next_mark() == Some(mark);
        self.at += usize::from(taken);
        taken
    }

    fn value(&mut self, depth: usize) -> Read<Value> {
        if depth > MAX_DEPTH {
            return Err("too many values in values");
        }
        match self.next_mark().ok_or("it ends where a value should be")? {
            b'{' => self.table(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(Value::Text),
            _ => self.word(),
        }
    }

    fn list(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends(b']')? {
                return Ok(Value::List(items));
            }
        }
    }

    fn table(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut entries: Vec<(String, Value)> = Vec::new();
        if self.take(b'}') {
            return Ok(Value::Table(entries));
        }
        loop {
            if self.next_mark() != Some(b'"') {
                return Err("a key should be here, in double quotes");
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err("a colon should be here");
            }
            entries.push((key, self.value(depth + 1)?));
            if self.ends(b'}')? {
                return Ok(Value::Table(entries));
            }
        }
    }

    /// Behind an item: whether the closing mark follows.
    fn ends(&mut self, closing: u8) -> Read<bool> {
        if self.take(b',') {
            return Ok(self.lenient && self.take(closing));
        }
        match self.take(closing) {
            true => Ok(true),
            false => Err("a comma or a closing bracket should be here"),
        }
    }

    fn word(&mut self) -> Read<Value> {
        let rest = self.rest();
        let end =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter));
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ if word.starts_with(|letter: char| letter == '-' || letter.is_ascii_digit()) => {
                Value::Number(word.to_owned())
            }
            _ => return Err("a value should be here"),
        };
        self.at += word.len();
        Ok(value)
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .find(['"', '\\', '\n'])
                .ok_or("a string does not end")?;
            text.push_str(rest.get(..plain).unwrap_or_default());
            let mark = rest.as_bytes().get(plain).copied();
            self.at += plain + 1;
            match mark {
                Some(b'"') => return Ok(text),
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err("a string does not end on its line"),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let letter = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        Ok(match letter {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(mark @ (b'"' | b'\\' | b'/')) => char::from(mark),
            Some(b'u') => self.code_point()?,
            _ => return Err("an escape that JSON does not know"),
        })
    }

    fn code_point(&mut self) -> Read<char> {
        let high = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high).ok_or("half of a character");
        }
        if !self.rest().starts_with("\\u") {
            return Err("half of a character");
        }
        self.at += 2;
        let low = self.four_digits()?;
        let low = low.checked_sub(0xDC00).filter(|low| *low < 0x400);
        let low = low.ok_or("half of a character")?;
        char::from_u32(0x10000 + ((high - 0xD800) << 10) + low).ok_or("half of a character")
    }

    fn four_digits(&mut self) -> Read<u32> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        let number = u32::from_str_radix(digits, 16);
        self.at += digits.len();
        number.map_err(|_| "an escape without its four digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn values_are_read() {
        let number = |number: &str| Value::Number(number.to_owned());
        let rows = [
            ("null", Value::Null),
            (" true ", Value::Bool(true)),
            ("-1.5e+3", number("-1.5e+3")),
            (r#""a\n\u00e4\ud83d\ude00\/ä""#, text("a\nä😀/ä")),
            ("[]", Value::List(vec![])),
            (
                "[1, [2]]",
                Value::List(vec![number("1"), Value::List(vec![number("2")])]),
            ),
            (
                r#"{"a": {"b": []}}"#,
                Value::Table(vec![(
                    "a".into(),
                    Value::Table(vec![("b".into(), Value::List(vec![]))]),
                )]),
            ),
        ];
        for (json, value) in rows {
            assert_eq!(parse(json), Ok(value), "{json}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        let deep = "[".repeat(100_000);
        for (json, why) in [
            ("", "line 1, column 1: it ends"),
            ("[1", "a comma or"),
            ("{\"a\" 1}", "a colon"),
            ("{a: 1}", "a key"),
            ("[1,]", "a value should"),
            ("1 2", "something stands behind"),
            ("\"a", "does not end"),
            (
                "[\n \"a\n\"]",
                "line 3, column 1: a string does not end on its line",
            ),
            (r#""\x""#, "an escape"),
            (r#""\ud800""#, "half"),
            (r#""\ud800\u0041""#, "half"),
            (r#""\u00ä""#, "four digits"),
            ("/* */ 1", "a value should"),
            (deep.as_str(), "too many"),
        ] {
            let error = parse(json).unwrap_err();
            assert!(error.contains(why), "{json:.20}: {error}");
        }
    }

    #[test]
    fn comments_and_last_commas_are_passed_over_where_they_are_usual() {
        let json = "// a\n{\"a\": [1, /* , */ 2,], // \"b\"\n}\n/* open";
        let list = Value::List(vec![Value::Number("1".into()), Value::Number("2".into())]);
        assert_eq!(
            parse_with_comments(json),
            Ok(Value::Table(vec![("a".into(), list)]))
        );
    }
}
