"""A small stock list."""

from stock.shelf import Shelf

__all__ = ["Shelf"]
