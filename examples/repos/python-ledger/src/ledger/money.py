"""Amounts of money as whole cents."""


def parse_cents(text):
    """Reads `12.50` or `12` as cents."""
    units, _, fraction = text.strip().partition(".")
    if len(fraction) > 2:
        raise ValueError(f"{text!r} has more than two decimals")
    return int(units) * 100 + int(fraction.ljust(2, "0"))


def format_cents(cents):
    """Writes cents as `12.50`, with a sign where they are owed."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def split(cents, parts):
    """Divides an amount into equal shares."""
    if parts < 1:
        raise ValueError("an amount is split between at least one")
    share = cents // parts
    return [share] * parts
