import pytest

from ledger import Ledger


@pytest.fixture
def trip():
    return Ledger(["ana", "ben", "cem"])


def test_a_new_ledger_is_settled(trip):
    assert trip.settled()


def test_an_expense_is_shared_by_all(trip):
    trip.add("ana", 900)
    assert trip.balances == {"ana": 600, "ben": -300, "cem": -300}


def test_an_expense_can_be_shared_by_some(trip):
    trip.add("ana", 500, shared_by=["ben"])
    assert trip.balances == {"ana": 500, "ben": -500, "cem": 0}


def test_debts_cancel_out(trip):
    trip.add("ana", 300, shared_by=["ben"])
    trip.add("ben", 300, shared_by=["ana"])
    assert trip.settled()


def test_the_deepest_in_debt_comes_first(trip):
    trip.add("ana", 200, shared_by=["ben"])
    trip.add("ana", 700, shared_by=["cem"])
    assert trip.debtors() == ["cem", "ben"]


def test_strangers_are_refused(trip):
    with pytest.raises(KeyError):
        trip.add("zoe", 100)


def test_the_report_has_a_line_for_each_person(trip):
    trip.add("ana", 250, shared_by=["ben"])
    assert trip.report() == "ana: 2.50\nben: -2.50\ncem: 0.00"
