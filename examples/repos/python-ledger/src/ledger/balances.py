"""Who has paid more than their share, and who less."""

from ledger.money import format_cents, split


class Ledger:
    """The expenses of a group."""

    def __init__(self, people):
        self.balances = dict.fromkeys(people, 0)

    def add(self, payer, cents, shared_by=None):
        """Books an expense that `payer` paid for `shared_by` (for all, when not given)."""
        sharers = list(shared_by or self.balances)
        for person in [payer, *sharers]:
            if person not in self.balances:
                raise KeyError(f"{person} is not in this ledger")
        self.balances[payer] += cents
        for person, share in zip(sharers, split(cents, len(sharers))):
            self.balances[person] -= share

    def settled(self):
        """True when nobody owes anything."""
        return not any(self.balances.values())

    def debtors(self):
        """Who owes, the deepest in debt first."""
        owing = [person for person, cents in self.balances.items() if cents < 0]
        return sorted(owing, key=lambda person: self.balances[person])

    def report(self):
        """One line for each person."""
        return "\n".join(
            f"{person}: {format_cents(cents)}" for person, cents in self.balances.items()
        )
