//! Works out one-line arithmetic.

mod lexer;
mod parser;

use std::fmt;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A character that no expression has.
    UnknownCharacter(char),
    /// A number that cannot be read, such as `1.2.3`.
    BadNumber(String),
    /// The expression stops too early or goes on after its end.
    Unexpected(String),
    /// Something was divided by zero.
    DivisionByZero,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownCharacter(character) => write!(f, "unknown character {character:?}"),
            Error::BadNumber(text) => write!(f, "{text:?} is not a number"),
            Error::Unexpected(what) => write!(f, "unexpected {what}"),
            Error::DivisionByZero => f.write_str("division by zero"),
        }
    }
}

impl std::error::Error for Error {}

/// The value of an expression.
///
/// ```
/// assert_eq!(calculator::evaluate("2 * (3 + 4)"), Ok(14.0));
/// ```
pub fn evaluate(text: &str) -> Result<f64, Error> {
    parser::value(&lexer::tokens(text)?)
}
