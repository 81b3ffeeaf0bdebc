use calculator::evaluate;

#[test]
fn sums_and_differences_group_from_the_left() {
    assert_eq!(evaluate("10 - 4 - 3"), Ok(3.0));
}

#[test]
fn products_bind_tighter_than_sums() {
    assert_eq!(evaluate("2 + 3 * 4"), Ok(14.0));
}

#[test]
fn quotients_group_from_the_left() {
    assert_eq!(evaluate("24 / 4 / 2"), Ok(3.0));
}

#[test]
fn parentheses_come_first() {
    assert_eq!(evaluate("(2 + 3) * 4"), Ok(20.0));
}

#[test]
fn powers_bind_tighter_than_products() {
    assert_eq!(evaluate("2 * 3 ^ 2"), Ok(18.0));
}

#[test]
fn a_sign_is_looser_than_a_power() {
    assert_eq!(evaluate("-2 ^ 2"), Ok(-4.0));
}

#[test]
fn two_signs_cancel() {
    assert_eq!(evaluate("--3"), Ok(3.0));
}
