//! From tokens to a value: one function for each level of precedence, loosest first.

use crate::lexer::Token;
use crate::Error;

/// The value of a whole expression.
pub(crate) fn value(tokens: &[Token]) -> Result<f64, Error> {
    let mut parser = Parser { rest: tokens };
    let value = parser.sum()?;
    match parser.rest.first() {
        None => Ok(value),
        Some(token) => Err(unexpected(Some(token))),
    }
}

struct Parser<'a> {
    rest: &'a [Token],
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<f64, Error> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, Error> {
        let mut value = self.signed()?;
        loop {
            if self.take('*') {
                value *= self.signed()?;
            } else if self.take('/') {
                value = divide(value, self.signed()?)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn signed(&mut self) -> Result<f64, Error> {
        if self.take('-') {
            return Ok(-self.signed()?);
        }
        self.power()
    }

    fn power(&mut self) -> Result<f64, Error> {
        let mut value = self.operand()?;
        while self.take('^') {
            value = value.powf(self.operand()?);
        }
        Ok(value)
    }

    fn operand(&mut self) -> Result<f64, Error> {
        if self.take('(') {
            let value = self.sum()?;
            return if self.take(')') { Ok(value) } else { Err(unexpected(self.rest.first())) };
        }
        match self.rest.split_first() {
            Some((Token::Number(number), after)) => {
                self.rest = after;
                Ok(*number)
            }
            other => Err(unexpected(other.map(|(first, _)| first))),
        }
    }

    fn take(&mut self, symbol: char) -> bool {
        match self.rest.split_first() {
            Some((first, after)) if *first == Token::Symbol(symbol) => {
                self.rest = after;
                true
            }
            _ => false,
        }
    }
}

fn divide(dividend: f64, divisor: f64) -> Result<f64, Error> {
    if divisor == 0.0 {
        return Err(Error::DivisionByZero);
    }
    Ok(dividend / divisor)
}

fn unexpected(token: Option<&Token>) -> Error {
    Error::Unexpected(match token {
        None => "end".to_string(),
        Some(Token::Number(number)) => format!("number {number}"),
        Some(Token::Symbol(symbol)) => format!("{symbol:?}"),
    })
}
