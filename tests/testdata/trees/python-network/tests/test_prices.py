from prices import price


def test_discount():
    assert price(10, 3) == 7
