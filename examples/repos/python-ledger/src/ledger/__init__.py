"""Shared expenses, to the cent."""

from ledger.balances import Ledger
from ledger.money import format_cents, parse_cents, split

__all__ = ["Ledger", "format_cents", "parse_cents", "split"]
