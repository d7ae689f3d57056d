"""Credits of owners on both sides, as simple as they can be told: what the host and the exchange must come to.

Here: what each act leads to. Never here: how it is done.
Always: what is on the host's side follows from what it has asked for, and what became of that on the exchange.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import attrs

from tests.host.credits import FUNDED, PROJECTS, USERS, own_at_first

PRICE, FAR = "10.00", "20.00"
"""At which all trade, and at which orders rest that nobody takes."""


@attrs.frozen
class Asked:
    request_id: str
    is_deposit: bool
    user: str
    code: str
    amount: int

    @property
    def is_failed(self) -> bool:
        """By the host, once it is held."""
        return self.request_id.endswith("-no")


@attrs.define(eq=False)
class Model:
    """`asked` is what the host remembers, `became` what the exchange has decided, by request."""

    asked: dict[str, Asked] = attrs.Factory(dict)
    became: dict[str, str] = attrs.Factory(dict)
    known: dict[str, Asked] = attrs.Factory(dict)
    posted: Counter[tuple[str, str]] = attrs.Factory(
        lambda: Counter({(user, code): FUNDED for user in USERS for code in PROJECTS})
    )
    resting: Counter[tuple[str, str]] = attrs.Factory(Counter)
    users: set[str] = attrs.Factory(lambda: set(USERS))
    gone: set[str] = attrs.Factory(set)
    """Their ids are never given out again."""
    halted: set[str] = attrs.Factory(set)
    retired: dict[str, str] = attrs.Factory(dict)
    """Projects that the host has said to be retired, by request."""

    # What is asked and done

    def ask(self, asked: Asked) -> None:
        self.asked[asked.request_id] = asked

    def free(self, user: str, code: str) -> int:
        held = sum(one.amount for one in self._with("held") if (one.user, one.code) == (user, code))
        return self.posted[user, code] - self.resting[user, code] - held

    def trade(self, seller: str, buyer: str, code: str, quantity: int) -> None:
        self.posted[seller, code] -= quantity
        self.posted[buyer, code] += quantity

    def can_delete(self, user: str) -> bool:
        return not any(one.user == user for one in self._with("held"))

    def delete(self, user: str, sweep_to: str) -> None:
        self.users.discard(user)
        self.gone.add(user)
        for code in PROJECTS:
            self.posted[sweep_to, code] += self.posted.pop((user, code), 0)
            self.resting.pop((user, code), None)

    # What a worker does

    def inward(self, decided: Iterable[str]) -> None:
        """New requests in their order, then the ends of those on which the host has decided by now."""
        ends = [self.known[request_id] for request_id in decided if self.became.get(request_id) == "held"]
        self.halted |= set(self.retired.values())
        for one in self.asked.values():
            if one.request_id not in self.became and one.user in self.users:
                self.became[one.request_id] = self._begun(one)
                self.known[one.request_id] = one
        for one in ends:
            self.became[one.request_id] = "released" if one.is_failed else "done"
            if not one.is_failed:
                self.posted[one.user, one.code] -= one.amount

    def quiet(self) -> None:
        """Rounds until there is nothing left to do."""
        for _ in range(3):
            self.inward([one.request_id for one in self._with("held")])
        for one in self.known.values():
            if self.became[one.request_id] != "refused":  # of what was refused, and forgotten, nothing is left
                self.asked.setdefault(one.request_id, one)

    def _begun(self, one: Asked) -> str:
        if one.is_deposit:
            self.posted[one.user, one.code] += one.amount
            return "done"
        return "held" if one.amount <= self.free(one.user, one.code) else "refused"

    def _with(self, status: str) -> list[Asked]:
        return [one for request_id, one in self.known.items() if self.became[request_id] == status]

    # What there must be when it is quiet

    def statuses(self) -> dict[str, str]:
        moved = {request_id: self.became.get(request_id, "set_aside") for request_id in self.asked}
        return moved | dict.fromkeys(self.retired, "done")

    def own(self, owners: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """On the host's side."""
        found = {key: own_at_first(*key) for key in owners}
        for one in self.asked.values():
            became = self.became.get(one.request_id, "set_aside")
            if one.is_deposit:
                found[one.user, one.code] -= one.amount
            elif became == "done":
                found[one.user, one.code] += one.amount
        return found

    def balances(self) -> dict[tuple[str, str], tuple[int, int]]:
        """On the exchange, posted and held; what is nothing is left out."""
        return {
            (user, code): (self.posted[user, code], self.resting[user, code])
            for user in self.users
            for code in PROJECTS
            if self.posted[user, code]
        }
