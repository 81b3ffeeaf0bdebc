"""An invoice as text."""

from invoices.lines import net, rounded, total

WIDTH = 32


def written(number, lines):
    """The whole invoice."""
    rows = [(f"{line.count} x {line.text}", rounded(line.amount)) for line in lines]
    sums = [("net", net(lines)), ("to be paid", total(lines))]
    body = [row(*one) for one in [*rows, *sums]]
    return "\n".join([f"Invoice {number}", *body, ""])


def row(text, amount):
    """One row, its amount at the right."""
    return text + str(amount).rjust(WIDTH - len(text))
