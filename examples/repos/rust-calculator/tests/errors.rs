use calculator::{evaluate, Error};

#[test]
fn dividing_by_zero_is_an_error() {
    assert_eq!(evaluate("1 / (2 - 2)"), Err(Error::DivisionByZero));
}

#[test]
fn an_open_parenthesis_is_an_error() {
    assert_eq!(evaluate("(1 + 2"), Err(Error::Unexpected("end".to_string())));
}

#[test]
fn a_second_expression_is_an_error() {
    assert_eq!(evaluate("1 2"), Err(Error::Unexpected("number 2".to_string())));
}

#[test]
fn nothing_has_no_value() {
    assert_eq!(evaluate(""), Err(Error::Unexpected("end".to_string())));
}
