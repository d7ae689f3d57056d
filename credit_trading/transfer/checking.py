"""Whether a file can be imported: every line against the exchange, and against the rest of the file.

Here: which transactions are here already, and whether balances suffice. Never here: the form of a value (reading), what it names (known),
trades and their busts (trades), the commit (importing). Always: nothing is changed; what passes here is refused later only if the exchange
has changed meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from credit_trading.clock import format_time
from credit_trading.exchange.account_rules import refusal_of
from credit_trading.exchange.accounts import OUTSIDE, Accounts
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.replica import Replica
from credit_trading.progress import Progress
from credit_trading.store.sqlite import Connection
from credit_trading.trading.desk import Desk
from credit_trading.transfer import export
from credit_trading.transfer.container import Container
from credit_trading.transfer.known import Known
from credit_trading.transfer.plan import Plan, Trades
from credit_trading.transfer.problems import Problems
from credit_trading.transfer.reading import Reader, Transaction, transaction
from credit_trading.transfer.schema import AMOUNT, BALANCES, ORDERS, TRANSACTIONS
from credit_trading.transfer.trades import check_trades, references
from credit_trading.users.tables import contents

_NOT_COMPARED = ("recorded_at",)
"""What was imported from a file of version 1 was entered when it was imported, and is the same all the same."""


class Check:
    """Makes the plan of one import; of a table that is missing nothing is made."""

    def __init__(self, desk: Desk, container: Container, problems: Problems, progress: Progress) -> None:
        self._desk = desk
        self._container = container
        self._problems = problems
        self._progress = progress
        self._known = Known(desk, problems)
        self.plan = self._known.plan
        self._sums: defaultdict[tuple[str, str], int] = defaultdict(int)

    def run(self) -> Plan:
        """Raises TooMany where there are more problems than may be told."""
        self._known.take(self._container)
        found = list(self._transactions())
        self.plan.transactions = in_time(self._without_duplicates(found))
        self._check_funds()
        self._check_balances()
        for line in self._container.lines(ORDERS):
            self.plan.orders += 1
            self.plan.open_orders += line.values.get("closed_at") is None
        return self.plan

    def _transactions(self) -> Iterator[Transaction]:
        """Those that are right by themselves, without what is not settled: that moved nothing, and stays where it is."""
        now_us = self._desk.sequencer.clock.now_us()
        for line in self._container.lines(TRANSACTIONS):
            found = transaction(line, self._known.assets, self._problems, now_us=now_us)
            if found is None:
                continue
            reader = Reader(line, TRANSACTIONS, self._problems)
            self._known.is_first(reader, TRANSACTIONS, "reference", f"{found.reference} of {found.user_id}")
            if found.user_id not in self.plan.numbers and self._known.user(found.user_id) is None:
                reader.wrong("user_id", f"{found.user_id[:40]}: no such user, here or in the file")
            self._check_symbol(reader, found)
            if not found.is_settled:
                self.plan.unsettled += 1
                continue
            for asset, change in found.changes:
                self._sums[found.user_id, asset] += change
            if reader.ok:
                yield found

    def _check_symbol(self, reader: Reader, found: Transaction) -> None:
        if found.symbol is None:
            return
        instrument = self._known.instruments.get(found.symbol)
        if instrument is None:
            reader.wrong("symbol", f"{found.symbol[:40]}: no such instrument, here or in the file")
        elif (instrument.base, instrument.quote) != (found.asset, found.currency):
            reader.wrong("symbol", f"{found.symbol} is {instrument.base.code} for {instrument.quote.code}")

    def _without_duplicates(self, found: list[Transaction]) -> list[Transaction]:
        """Those that are not here yet, in their order; one that is here must be the same, and trades must fit what is here."""
        by_user: defaultdict[str, list[Transaction]] = defaultdict(list)
        for one in found:
            by_user[one.user_id].append(one)
        known: set[int] = set()
        for done, (user_id, own) in enumerate(by_user.items(), 1):
            number = self.plan.numbers[user_id]
            if number <= self.plan.users_before:
                with self._desk.file_of(number) as connection, contents.snapshot(connection):
                    new = self._new(own, connection)
                    if wanted := references(new):
                        self.plan.trades[number] = Trades(contents.position(connection), wanted)
            else:
                new = self._new(own, None)
            known.update({id(one) for one in own} - {id(one) for one in new})
            self._progress(done, len(by_user))
        self.plan.duplicates = len(known)
        return [one.without_values() for one in found if id(one) not in known]

    def _new(self, own: list[Transaction], connection: Connection | None) -> list[Transaction]:
        """Of one user."""
        new = [one for one in own if not self._is_here(one, connection)]
        check_trades(new, connection, exchange_id=self._known.exchange_id, problems=self._problems)
        return new

    def _is_here(self, one: Transaction, connection: Connection | None) -> bool:
        """Whether the user's history has a transaction of that reference, the same or not."""
        reader = Reader(one.line, TRANSACTIONS, self._problems)
        prefix, dash, number = one.reference.partition("-")
        if dash and prefix == self._known.exchange_id[:8] and number.isdigit() and len(number) <= 18:
            row = contents.own_transaction(connection, int(number)) if connection is not None else None
            if row is None:
                reader.wrong(
                    "reference", "it names a transaction of this exchange, and the user has none of that number"
                )
                return True
        else:
            row = contents.recorded_transaction(connection, one.reference) if connection is not None else None
        if row is None:
            return False
        here = export.transaction(self._known.exchange_id, one.user_id, row)
        given = {
            **one.line.values,
            "transaction_date": format_time(one.occurred_at_us),
            "status": TransactionStatus.SETTLED.value,
        }
        for field in TRANSACTIONS.fields:
            if field.name not in _NOT_COMPARED and not _is_same(
                here[field.name], given.get(field.name), is_amount=field.form == AMOUNT
            ):
                told = "nothing" if here[field.name] is None else str(here[field.name])[:40]
                reader.wrong(field.name, f"{one.reference} is here already, with {told}")
        return True

    def _check_funds(self) -> None:
        """Plays the transactions on a copy of the balances."""
        numbers = {self.plan.numbers[one.user_id] for one in self.plan.transactions}
        accounts = self._desk.reading(lambda replica: _available(replica, numbers))
        for one in self.plan.transactions:
            number = self.plan.numbers[one.user_id]
            for field, (asset, change) in zip(("quantity", "currency"), one.changes, strict=False):
                refusal = refusal_of(accounts, number, asset, change)
                if refusal is not None:
                    self._problems.add(refusal.sentence, one.line.file, one.line.number, field)
                    break
            else:
                for asset, change in one.changes:
                    accounts.move(OUTSIDE, number, asset, change)

    def _check_balances(self) -> None:
        """Each must be the sum of the user's transactions in the file."""
        if BALANCES not in self._container:
            return
        rest = {key: units for key, units in self._sums.items() if units}
        for line in self._container.lines(BALANCES):
            reader = Reader(line, BALANCES, self._problems)
            asset = self._known.assets.get(line.values.get("asset") or "")
            if reader.ok and asset is None:
                reader.wrong("asset", "no such asset, here or in the file")
            posted = reader.take("posted", lambda text, asset=asset: asset.parse(text, what=text)) if asset else None  # type: ignore[misc]
            user_id = line.values.get("user_id") or ""
            if asset is None or posted is None or not reader.ok:
                continue
            if self._known.is_first(reader, BALANCES, "asset", f"{asset.code} of {user_id}"):
                added = rest.pop((user_id, asset.code), 0)
                if added != posted:
                    total = asset.format(added)
                    reader.wrong("posted", f"{asset.format(posted)}, and the transactions add up to {total}")
        for (user_id, code), units in rest.items():
            total = self._known.assets[code].format(units)
            self._problems.add(
                f"{user_id} {code}: missing; the transactions add up to {total}", self._container.file_of(BALANCES)
            )


def _available(replica: Replica, numbers: Iterable[int]) -> Accounts:
    """What these users could give just now, and how much of each asset there is."""
    accounts = Accounts()
    for number in numbers:
        for asset, balance in replica.accounts.of(number).items():
            accounts.open(number, asset, posted=balance.available, held=0)
    for asset in replica.assets:
        accounts.open(OUTSIDE, asset, posted=-replica.accounts.issue(asset), held=0)
    return accounts


def in_time(found: list[Transaction]) -> list[Transaction]:
    """Of all users by time, and of each user in the order of the file: that is the order in which they were entered."""
    latest: dict[str, int] = {}
    for one in found:
        latest[one.user_id] = 0
    keyed = []
    for one in found:
        latest[one.user_id] = max(latest[one.user_id], one.occurred_at_us)
        keyed.append((latest[one.user_id], one))
    return [one for _, one in sorted(keyed, key=lambda pair: pair[0])]


def _is_same(here: str | None, given: str | None, *, is_amount: bool) -> bool:
    if here is None or given is None or not is_amount:
        return here == given or (is_amount and Decimal(here or given or 0) == 0)
    return Decimal(here) == Decimal(given)
