"""Prices, with a discount."""


def price(full, discount=0):
    return full - discount
