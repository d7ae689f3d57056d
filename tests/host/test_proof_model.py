"""Random acts on both sides, workers that stop half-way and die, copies that are put back: both sides come to what a simple model says."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

import attrs
import pytest
from sqlalchemy import event

from credit_trading.errors import OrderRejected
from credit_trading.host.inwards.inward import Inward
from credit_trading.host.outwards.outward import Outward
from tests.host.credits import LATER, PROJECTS, SETTINGS, TABLES, Copy, CreditsHost
from tests.host.model import FAR, PRICE, Asked, Model

SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 26))]

ACTS = {"sqlite": 60, "postgres": 20}
MANY_ACTS = 250

MOST_STEPS = 60
"""A worker dies before so many statements, or not at all."""


class Died(BaseException):
    """Nothing of the worker goes on."""


@attrs.define(eq=False)
class Both:
    """The real ones and the model, and random acts on both."""

    host: CreditsHost
    chance: Random
    model: Model = attrs.Factory(Model)
    copies: list[tuple[Copy, dict[str, Asked], dict[str, str]]] = attrs.Factory(list)
    counted: int = 0

    def any_user(self) -> str:
        return self.chance.choice(sorted(self.model.users))

    def any_code(self) -> str:
        return self.chance.choice(sorted(PROJECTS))

    def new_id(self, end: str) -> str:
        self.counted += 1
        return f"r{self.counted:04d}-{end}"

    # On the host's side

    def bring(self) -> None:
        one = Asked(self.new_id("in"), True, self.any_user(), self.any_code(), self.chance.randint(1, 20))
        self.host.bring(one.request_id, one.amount, one.user, one.code)
        self.model.ask(one)

    def take_back(self) -> None:
        """Often of all that there is, or one more."""
        user, code = self.any_user(), self.any_code()
        free = self.model.free(user, code)
        amount = max(1, self.chance.choice((free, free + 1, self.chance.randint(1, 30))))
        one = Asked(self.new_id(self.chance.choice(("out", "out", "no"))), False, user, code, amount)
        self.host.take_back(one.request_id, one.amount, one.user, one.code)
        self.model.ask(one)

    def retire(self) -> None:
        code = self.any_code()
        if not self.model.retired and self.chance.random() < 0.3:
            request_id = self.new_id("retire")
            self.host.retire(request_id, code)
            self.model.retired[request_id] = code

    def copy(self) -> None:
        self.copies.append((self.host.copy(), dict(self.model.asked), dict(self.model.retired)))

    def put_back(self) -> None:
        """What the host had asked since is forgotten, and what the exchange has of it comes back."""
        if self.copies:
            at = self.chance.randrange(len(self.copies))
            copy, asked, retired = self.copies[at]
            del self.copies[at + 1 :]
            self.host.put_back(copy)
            self.model.asked, self.model.retired = dict(asked), dict(retired)
            self.host.until_quiet()
            self.model.quiet()

    # On the exchange

    def trade(self) -> None:
        seller, buyer, code = self.any_user(), self.any_user(), self.any_code()
        free = self.model.free(seller, code)
        if seller == buyer or free < 1 or code in self.model.halted:
            return
        quantity = self.chance.randint(1, min(free, 25))
        for user, side in ((seller, "sell"), (buyer, "buy")):
            self.host.floor.user(user).orders.create_order(f"{code}/USD", side, quantity, PRICE)
        self.model.trade(seller, buyer, code, quantity)

    def rest(self) -> None:
        user, code = self.any_user(), self.any_code()
        free = self.model.free(user, code)
        if free < 1 or code in self.model.halted:
            return
        quantity = self.chance.randint(1, min(free, 25))
        self.host.floor.user(user).orders.create_order(f"{code}/USD", "sell", quantity, FAR)
        self.model.resting[user, code] += quantity

    def cancel(self) -> None:
        user = self.any_user()
        self.host.floor.user(user).orders.cancel_all_orders()
        for code in PROJECTS:
            self.model.resting.pop((user, code), None)

    def meddle(self) -> None:
        """An administrator would end what is held for the host."""
        desk = self.host.floor.exchange._desk
        users = {desk.user_number(user): user for user in self.model.users}
        for transaction, pending in desk.reading(lambda replica: list(replica.pending_transactions.items())):
            managed = self.host.floor.admin.on_behalf_of(users[pending.user]).transactions
            with pytest.raises(OrderRejected, match="belongs to a request"):
                managed.update_transaction_status(transaction, "cancelled")

    def come_or_go(self) -> None:
        """New users, who leave again: what they have goes to another."""
        for user in LATER:
            if user not in self.model.users | self.model.gone:
                self.host.floor.add(user, credits=1)
                self.model.users.add(user)
                return
            if user in self.model.users and self.chance.random() < 0.5 and self.model.can_delete(user):
                self.host.floor.admin.databases.delete_trading_database(user, sweep_to="ann", backup=False)
                self.model.delete(user, "ann")
                return

    # The worker

    def sync(self) -> None:
        self.host.until_quiet()
        self.model.quiet()

    def show_some(self) -> None:
        """So many batches, and no more."""
        left = self.chance.randint(1, 3)

        def stop() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        live = self.host.floor.exchange._live
        Outward(live, self.host.adapter, TABLES, rows_per_batch=self.chance.randint(1, 5)).round(stop)

    def inward(self) -> None:
        """Alone: what came of it is not shown yet; but what is held then is safe from others."""
        self.take_back()
        decided = [
            key for key, row in self.host.requests().items() if row["status"] == "held" and row["decision"] is not None
        ]
        Inward(self.host.floor.exchange._desk, self.host.adapter, TABLES, SETTINGS).round()
        self.model.inward(decided)
        self.meddle()

    def die(self) -> None:
        """Before a statement, and all that the process had is gone."""
        left = self.chance.randint(1, MOST_STEPS)

        def count(*_: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Died

        event.listen(self.host.engine, "before_cursor_execute", count)
        with suppress(Died):
            self.host.sync()
        event.remove(self.host.engine, "before_cursor_execute", count)
        self.host.reopen()
        self.sync()

    # What must hold

    def compare(self) -> None:
        self.host.until_quiet()
        self.model.quiet()
        assert {key: row["status"] for key, row in self.host.requests().items()} == self.model.statuses()
        own = self.host.own()
        assert own == self.model.own(own)
        number = self.host.floor.exchange._desk.user_number
        there = {(number(user), code): balance for (user, code), balance in self.model.balances().items()}
        assert {key: balance for key, balance in self.host.balances().items() if balance[0]} == there

    def act(self) -> str:
        (name,) = self.chance.choices(list(_ACTS), list(_ACTS.values()))
        getattr(self, name)()
        return name


_ACTS = {
    "bring": 10,
    "take_back": 12,
    "retire": 1,
    "copy": 3,
    "put_back": 3,
    "trade": 12,
    "rest": 4,
    "cancel": 2,
    "come_or_go": 3,
    "sync": 4,
    "show_some": 8,
    "inward": 6,
    "die": 4,
}


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_on_both_sides_comes_to_what_the_model_says(
    credits_host: CreditsHost, seed: int, is_long: bool
) -> None:
    both = Both(credits_host, Random(seed))
    done: list[str] = []
    for number in range(MANY_ACTS if is_long else ACTS[credits_host.database.kind]):
        done.append(both.act())
        credits_host.assert_sums()
        if number % 10 == 9:
            both.compare()
    both.compare()
    credits_host.assert_settled()
