"""Who owns what: posted and held balances of every account.

Here: double entry. Never here: why something is posted. Always: over all accounts each asset sums to zero, and every user's balance
satisfies 0 <= held <= posted; a posting that would break this is a broken invariant, not an input error.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern

import attrs

OUTSIDE = 0
"""The outside world: negative by what was brought in. Users are numbered from 1."""
FEES = -1
"""What the exchange earned."""


@attrs.define
class Balance:
    """In the asset's smallest units."""

    posted: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        return self.posted - self.held


class Accounts:
    """Balances by account number and asset code. Of each code one string is kept, not one for every account."""

    def __init__(self) -> None:
        self._by_account: dict[int, dict[str, Balance]] = {}

    def balance(self, account: int, asset: str) -> Balance:
        """The live balance; made with zeros where there was none."""
        try:
            return self._by_account[account][asset]
        except KeyError:
            return self._by_account.setdefault(account, {}).setdefault(intern(asset), Balance())

    def open(self, account: int, asset: str, *, posted: int, held: int) -> None:
        """A balance that there is none of yet, as it was saved."""
        self._by_account.setdefault(account, {})[intern(asset)] = Balance(posted, held)

    def available(self, account: int, asset: str) -> int:
        try:
            balance = self._by_account[account][asset]
        except KeyError:
            return 0
        return balance.posted - balance.held

    def of(self, account: int) -> dict[str, Balance]:
        """The account's balances by asset, in the order of the codes, empty ones left out."""
        balances = self._by_account.get(account, {})
        return {asset: balances[asset] for asset in sorted(balances) if balances[asset] != Balance()}

    def move(self, sender: int, receiver: int, asset: str, amount: int) -> None:
        """One transaction of two postings. `amount` is negative for the fee account's rebates, and for what is recorded as given away."""
        self.post(sender, asset, -amount)
        self.post(receiver, asset, amount)

    def post(self, account: int, asset: str, amount: int) -> None:
        """One posting; the caller's postings of one event sum to zero."""
        try:
            balance = self._by_account[account][asset]
        except KeyError:
            balance = self.balance(account, asset)
        balance.posted += amount
        assert account <= 0 or 0 <= balance.held <= balance.posted, f"account {account} {asset}: {balance}"

    def hold(self, account: int, asset: str, change: int) -> None:
        """Reserve (positive) or release (negative)."""
        try:
            balance = self._by_account[account][asset]
        except KeyError:
            balance = self.balance(account, asset)
        balance.held += change
        assert 0 <= balance.held <= balance.posted, f"account {account} {asset}: {balance}"

    def issue(self, asset: str) -> int:
        """How much of the asset is inside the exchange."""
        return -self.balance(OUTSIDE, asset).posted

    def tables(self) -> Iterator[dict[int, dict[str, Balance]]]:
        """What they are kept in, for whoever lets go of them."""
        yield self._by_account

    def __iter__(self) -> Iterator[tuple[int, str, Balance]]:
        """All balances that are not zero, by account number and asset code."""
        for account in sorted(self._by_account):
            for asset, balance in self.of(account).items():
                yield account, asset, balance
