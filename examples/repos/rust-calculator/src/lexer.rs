//! From text to tokens.

use crate::Error;

/// One piece of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token {
    Number(f64),
    Symbol(char),
}

/// All tokens of an expression, in order.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '0'..='9' | '.' => number_length(rest),
            '+' | '-' | '*' | '/' | '^' | '(' | ')' => 1,
            other => return Err(Error::UnknownCharacter(other)),
        };
        let (piece, after) = rest.split_at(length);
        tokens.push(token(first, piece)?);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn number_length(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len())
}

fn token(first: char, piece: &str) -> Result<Token, Error> {
    if first.is_ascii_digit() || first == '.' {
        let number = piece.parse().map_err(|_| Error::BadNumber(piece.to_string()))?;
        Ok(Token::Number(number))
    } else {
        Ok(Token::Symbol(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_have_a_fraction() {
        assert_eq!(tokens("2.5"), Ok(vec![Token::Number(2.5)]));
    }

    #[test]
    fn spaces_between_tokens_mean_nothing() {
        assert_eq!(tokens(" 1 +2 "), tokens("1+2"));
    }

    #[test]
    fn a_number_with_two_points_is_refused() {
        assert_eq!(tokens("1.2.3"), Err(Error::BadNumber("1.2.3".to_string())));
    }

    #[test]
    fn letters_are_refused() {
        assert_eq!(tokens("2 x 3"), Err(Error::UnknownCharacter('x')));
    }
}
