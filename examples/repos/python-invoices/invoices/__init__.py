"""Invoices."""

from invoices.lines import Line, net, total
from invoices.text import written

__all__ = ["Line", "net", "total", "written"]
