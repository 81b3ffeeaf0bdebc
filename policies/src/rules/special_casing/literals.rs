//! Values of literals, and how much it says that two files have the same one.

use super::super::source::{Kind, Source};

/// A literal by what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Value {
    /// Equal for `10.50` and `"10.5"`.
    pub(super) text: String,
    /// As it is written.
    pub(super) raw: String,
    /// Of several literals in brackets, how much they say.
    list: Option<Weight>,
}

/// How much a value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Any two programs have it.
    Nothing,
    /// A word or number of the program's own language.
    Word,
    /// Data: nobody writes it by chance.
    Data,
}

/// The value of a token; none where it is no literal that stands for one value.
pub(super) fn value(source: &Source<'_>, at: usize) -> Option<Value> {
    let raw = source.at(at);
    let text = match source.kind(at)? {
        Kind::Number => number(raw)?,
        Kind::Text => {
            let text = content(raw)?;
            number(text.trim()).unwrap_or_else(|| text.to_owned())
        }
        _ => return None,
    };
    Some(Value {
        text,
        raw: raw.to_owned(),
        list: None,
    })
}

/// The values of all literals of a source.
pub(super) fn values(source: &Source<'_>) -> Vec<String> {
    let all = (0..source.tokens.len()).filter_map(|at| value(source, at));
    all.map(|value| value.text).collect()
}

/// What stands between the quotes.
pub(super) fn content(raw: &str) -> Option<&str> {
    for quote in ["\"\"\"", "'''", "\"", "'", "`"] {
        let inside = raw
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        if let Some(inside) = inside {
            return (!inside.contains("${")).then_some(inside);
        }
    }
    raw.strip_prefix("r\"")?.strip_suffix('"')
}

/// A decimal number without separators, suffix and idle zeros.
fn number(raw: &str) -> Option<String> {
    let plain: String = raw.chars().filter(|one| *one != '_').collect();
    let digits = plain.strip_prefix('-').unwrap_or(&plain);
    let end = digits
        .find(|one: char| !(one.is_ascii_digit() || one == '.'))
        .unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    let suffixes = [
        "", "n", "j", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize", "f32", "f64",
    ];
    if digits.is_empty()
        || !suffixes.contains(&suffix)
        || digits.matches('.').count() > 1
        || digits.starts_with('.')
    {
        return None;
    }
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    };
    Some(digits.to_owned())
}

/// Numbers that programs have for reasons of their own.
const USUAL: &[u64] = &[
    1024, 1440, 3600, 4096, 8192, 86400, 604_800, 65535, 65536, 32767, 32768, 8080, 8443, 5432,
    6379, 3306, 27017, 1000, 1234, 12345, 123456, 9999, 99999,
];

impl Value {
    /// A piece of text that stands in no quotes.
    pub(super) fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            raw: text.to_owned(),
            list: None,
        }
    }

    /// Several values in their order.
    pub(super) fn list(elements: &[Self]) -> Self {
        let texts: Vec<&str> = elements.iter().map(|one| one.text.as_str()).collect();
        let text = format!("[{}]", texts.join(", "));
        // Pairs of small numbers are places on a grid, versions, colours.
        let saying = elements.iter().filter(|one| one.weight() > Weight::Nothing);
        let weight = match saying.count() {
            0 | 1 => Weight::Nothing,
            _ => Weight::Data,
        };
        Self {
            raw: text.clone(),
            text,
            list: Some(weight),
        }
    }

    /// How it is written, without quotes: those are a matter of taste.
    pub(super) fn written(&self) -> &str {
        content(&self.raw).unwrap_or(&self.raw)
    }

    pub(super) fn is_number(&self) -> bool {
        let digits = self
            .text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        digits
            && self.text.matches('.').count() <= 1
            && self.text.starts_with(|one: char| one.is_ascii_digit())
    }

    pub(super) fn weight(&self) -> Weight {
        match self.is_number() {
            _ if self.list.is_some() => self.list.unwrap_or(Weight::Nothing),
            true => self.number_weight(),
            false => self.text_weight(),
        }
    }

    fn number_weight(&self) -> Weight {
        let Some((whole, part)) = self.text.split_once('.') else {
            return whole_weight(&self.text);
        };
        let telling = format!("{whole}{part}").trim_matches('0').len();
        match telling {
            0 | 1 => Weight::Nothing,
            2 => Weight::Word,
            _ => Weight::Data,
        }
    }

    /// Words, flags, paths, addresses, formats and versions are the program's language; what has spaces or
    /// digits within is data.
    fn text_weight(&self) -> Weight {
        let text = self.text.as_str();
        let letters = text.chars().filter(|one| one.is_alphanumeric()).count();
        if letters < 3 || text.len() > 400 {
            return Weight::Nothing;
        }
        let format = text.contains(['%', '{', '\\', '<']);
        let place = text.starts_with(['/', '-', '.', '@', '#'])
            || text.contains("://")
            || text.contains('/') && !text.contains(' ');
        let spaced = text.trim().contains(' ');
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let version = text
            .chars()
            .all(|one| one.is_ascii_digit() || ".-+v:".contains(one));
        // Names of standards have digits as well: `SHA-256`, `ISO-8859-1`.
        let data = (spaced && (letters >= 6 || digits >= 2) || digits >= 6 && letters > digits)
            && !format
            && !place
            && !version;
        if data { Weight::Data } else { Weight::Word }
    }

    /// Whether a text has digits in it, as results of computing have and messages have not. A list counts where it
    /// is asked about.
    pub(super) fn is_computed(&self) -> bool {
        self.list == Some(Weight::Data)
            || self.weight() == Weight::Data
                && self.text.chars().filter(char::is_ascii_digit).count() >= 2
    }
}

fn whole_weight(digits: &str) -> Weight {
    let Ok(number) = digits.parse::<u64>() else {
        return Weight::Data;
    };
    let status = (100..600).contains(&number);
    let year = (1900..=2100).contains(&number);
    let near_power = [number.saturating_sub(1), number, number.saturating_add(1)]
        .iter()
        .any(|one| one.is_power_of_two());
    let round = number % 100 == 0;
    match number {
        0..=9 => Weight::Nothing,
        _ if number < 1000 || status || year || near_power || round || USUAL.contains(&number) => {
            Weight::Word
        }
        _ => Weight::Data,
    }
}
