"""What is on a shelf, and what is running out."""


class Shelf:
    """Counts of items by name."""

    def __init__(self):
        self.counts = {}

    def put(self, name, count=1):
        """Adds items."""
        if count < 1:
            raise ValueError("at least one item is put on a shelf")
        self.counts[name] = self.counts.get(name, 0) + count

    def take(self, name, count=1):
        """Removes items; all of them must be there."""
        if self.counts.get(name, 0) < count:
            raise LookupError(f"not enough {name}")
        self.counts[name] -= count

    def low(self, limit=3):
        """Names of which fewer than `limit` are left, in alphabetical order."""
        return [name for name, count in self.counts.items() if count < limit]
