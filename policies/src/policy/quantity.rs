//! Durations and sizes as they are written in a policy: `"60m"`, `"none"`, `"75%"`, `"32GiB"`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A text that is no duration or size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}; write {examples}")]
pub struct QuantityError {
    text: String,
    what: &'static str,
    examples: &'static str,
}

/// The longest time that can be written: a hundred years, far below any overflow in milliseconds.
const LONGEST_SECONDS: u64 = 100 * 366 * 86_400;

/// A limit in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// No limit.
    Unlimited,
    /// This many seconds, at least one.
    Seconds(u64),
}

impl FromStr for TimeLimit {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::Unlimited);
        }
        time(text).map(Self::Seconds).ok_or_else(|| QuantityError {
            text: text.to_owned(),
            what: "duration",
            examples: "`\"90s\"`, `\"60m\"`, `\"2h\"` or `\"none\"`",
        })
    }
}

fn time(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.checked_mul(factor)?;
    (1..=LONGEST_SECONDS).contains(&seconds).then_some(seconds)
}

/// Digits, then a unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unlimited => f.write_str("none"),
            Self::Seconds(seconds) if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
        }
    }
}

/// A limit in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// No limit.
    Unlimited,
    /// A share of what the machine has, 1 to 100.
    Percent(u8),
    /// This many bytes, at least one.
    Bytes(u64),
}

/// Units of size, greatest first.
const UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::Unlimited);
        }
        size(text).ok_or_else(|| QuantityError {
            text: text.to_owned(),
            what: "size",
            examples: "`\"64MiB\"`, `\"32GiB\"`, `\"75%\"` or `\"none\"`",
        })
    }
}

fn size(text: &str) -> Option<Size> {
    let (number, unit) = split(text)?;
    if unit == "%" {
        let percent = u8::try_from(number).ok()?;
        return (1..=100)
            .contains(&percent)
            .then_some(Size::Percent(percent));
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let bytes = number.checked_mul(*factor)?;
    (bytes > 0).then_some(Size::Bytes(bytes))
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unlimited => f.write_str("none"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Bytes(bytes) => {
                let whole = UNITS.iter().find(|(_, factor)| bytes % factor == 0);
                let (unit, factor) = whole.copied().unwrap_or(("B", 1));
                write!(f, "{}{unit}", bytes / factor)
            }
        }
    }
}

macro_rules! written_as_text {
    ($name:ident, $pattern:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

written_as_text!(TimeLimit, "^(none|[0-9]+[smhd])$");
written_as_text!(Size, "^(none|[0-9]+(%|B|KiB|MiB|GiB|TiB))$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, expected, printed) in [
            ("none", TimeLimit::Unlimited, "none"),
            ("90s", TimeLimit::Seconds(90), "90s"),
            ("60m", TimeLimit::Seconds(3600), "60m"),
            ("2h", TimeLimit::Seconds(7200), "120m"),
        ] {
            let limit: TimeLimit = text.parse().unwrap();
            assert_eq!((limit, limit.to_string()), (expected, printed.to_owned()));
        }
    }

    #[test]
    fn sizes_read_and_print() {
        for (text, expected, printed) in [
            ("none", Size::Unlimited, "none"),
            ("75%", Size::Percent(75), "75%"),
            ("32GiB", Size::Bytes(32 << 30), "32GiB"),
            ("1024MiB", Size::Bytes(1 << 30), "1GiB"),
            ("7B", Size::Bytes(7), "7B"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size, size.to_string()), (expected, printed.to_owned()));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "m",
            "0s",
            "5",
            "-5m",
            "1.5h",
            "5 m",
            "99999999999999999999s",
            "9999999d",
        ] {
            assert!(text.parse::<TimeLimit>().is_err(), "{text}");
        }
        for text in [
            "",
            "0B",
            "5",
            "101%",
            "0%",
            "1GB",
            "99999999TiB",
            "18446744073709551616B",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
