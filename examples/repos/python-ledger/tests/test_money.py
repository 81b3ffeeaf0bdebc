import pytest

from ledger import format_cents, parse_cents, split


@pytest.mark.parametrize(
    ("text", "cents"),
    [("12.50", 1250), ("12", 1200), ("0.5", 50), (" 3.07 ", 307)],
)
def test_amounts_are_read_as_cents(text, cents):
    assert parse_cents(text) == cents


def test_a_third_decimal_is_refused():
    with pytest.raises(ValueError, match="two decimals"):
        parse_cents("1.005")


@pytest.mark.parametrize(("cents", "text"), [(1250, "12.50"), (7, "0.07"), (-250, "-2.50")])
def test_cents_are_written_with_two_decimals(cents, text):
    assert format_cents(cents) == text


@pytest.mark.parametrize(("cents", "parts"), [(1000, 2), (900, 3), (0, 4)])
def test_shares_are_equal(cents, parts):
    assert split(cents, parts) == [cents // parts] * parts


def test_an_amount_is_not_split_between_nobody():
    with pytest.raises(ValueError, match="at least one"):
        split(100, 0)
