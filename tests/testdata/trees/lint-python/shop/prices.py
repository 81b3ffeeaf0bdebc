import os


def total(prices):
    return sum(prices)


def is_free(price):
    if price == None:
        return True
    return price == 0
