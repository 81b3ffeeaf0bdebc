import pytest

from stock import Shelf


@pytest.fixture
def shelf():
    shelf = Shelf()
    shelf.put("tea", 5)
    shelf.put("rice", 2)
    return shelf


def test_items_add_up(shelf):
    shelf.put("tea", 3)
    assert shelf.counts["tea"] == 8


def test_items_can_be_taken(shelf):
    shelf.take("tea", 4)
    assert shelf.counts["tea"] == 1


def test_more_than_there_is_cannot_be_taken(shelf):
    with pytest.raises(LookupError, match="not enough rice"):
        shelf.take("rice", 3)


def test_nothing_cannot_be_put(shelf):
    with pytest.raises(ValueError):
        shelf.put("salt", 0)


def test_low_stock_is_reported(shelf):
    assert shelf.low() == ["rice"]


def test_low_stock_is_reported_in_order(shelf):
    shelf.put("flour", 1)
    assert shelf.low() == ["flour", "rice"]


def test_the_limit_can_be_given(shelf):
    assert shelf.low(limit=2) == []
