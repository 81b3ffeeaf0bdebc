"""Lines of an invoice, and what they add up to."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


class Line:
    """So many of something, at a price each."""

    def __init__(self, text, count, price):
        if count < 1:
            raise ValueError("a line has at least one of something")
        self.text = text
        self.count = count
        self.price = Decimal(price)

    @property
    def amount(self):
        """What the line costs."""
        return self.count * self.price


def rounded(amount):
    """To the cent, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def net(lines):
    """What all lines cost, without tax."""
    return rounded(sum((line.amount for line in lines), Decimal(0)))


def total(lines, tax="0.19"):
    """What is to be paid."""
    return rounded(net(lines) * (1 + Decimal(tax)))
