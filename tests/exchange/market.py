"""A market that is played as text: each line a command, after `->` all that it brings about, after `|` the book that it leaves.

Here: the words of the commands. Never here: what a test expects, the words of reports (reports), the engine (replicas).
Always: after every line the invariants hold, and a second replica that only ever applied the entries equals the first.

    place LABEL USER buy|sell QUANTITY @ PRICE|market [GTC|DAY|IOC|FOK] [post-only] [show QUANTITY] [stop PRICE] [stp MODE]
          [until +5s] [named ID] [in SYMBOL] [id COMMAND]
    amend LABEL [price P] [quantity N] [show N] [until +9s] [version N] [by USER] [id COMMAND]
    cancel LABEL [by USER] [id COMMAND]     cancel-all [USER] [here] [id COMMAND]     bust TRADE [id COMMAND]
    deposit|withdraw USER AMOUNT ASSET [id COMMAND]            deal BUYER buys QUANTITY from SELLER for TOTAL [id COMMAND]
    enter LABEL USER TYPE QUANTITY ASSET [with USER] [for TOTAL] [fee FEE] [earned] [pending] [until +5s] [was -3s] [id COMMAND]
    update LABEL STATUS [by USER] [id COMMAND]
    outside LABEL USER buy|sell QUANTITY @ PRICE|market [GTC|DAY|IOC|FOK] [until +5s] [named ID] [id COMMAND]
    fill LABEL QUANTITY|rest @ PRICE [fee FEE] [was -3s] [by USER] [id COMMAND]
    create USER     delete USER [sweep USER]     suspend|unsuspend USER     userfees USER MAKER TAKER
    halt     resume     open     close     rules NAME VALUE ...     schedule +5s-+9s ...     at +3s     due     list BASE
    order LABEL     balance USER ASSET     queue|book bids|asks     fees     last     status     answer

A rate is a decimal part, and `none` switches something off. A label, or `named:ID` or `#7`, says which order; a named order's command
goes by that name unless it has an id. `3 times` before a line plays it so often, with the numbers from 1 in place of `*`. `due` is what
happens when nobody asks for anything.

A line that has no `->` does what it says and nothing else, `-> ...` is whatever comes of it; one that begins with `+` goes on with the
report of the line before.
Reported are trades (maker, quantity, price and, where there are fees, taker's and maker's fee), what becomes of stops, icebergs and
own orders that meet, cancels that nobody asked for, expiries, sessions, sweeps, rejections, errors and repeated answers.
The book is told from the best level on, bids before asks: `| 5.00 x 3, 4.99 x 7 / 5.01 x 2`, and `-` for a side without orders.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from credit_trading.errors import TradingError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.client_orders import placing_id
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.money import Asset, Instrument
from tests.exchange.replicas import CASH, CREDIT, DAY_US, SECOND_US, START_US, SYMBOL, Replicas, schedule_of
from tests.exchange.reports import Reports
from tests.exchange.words import microseconds, options_of, ppm, rule_changes

FORCES = ("GTC", "DAY", "GTD", "IOC", "FOK")


class Market(Replicas):
    """A few funded users, named by the scripts; orders are named by labels. `tells_book`: every line must say what book it leaves."""

    def __init__(
        self,
        *users: str,
        cash: str = "100000.00",
        credits: int = 1000,
        tick: str = "0.01",
        lot: str = "1",
        maker: str = "0",
        taker: str = "0",
        remember: int = 1000,
        remember_orders: int = 1000,
        remember_orders_us: int = DAY_US,
        tells_book: bool = False,
    ) -> None:
        super().__init__(
            MarketRules(maker_ppm=ppm(maker), taker_ppm=ppm(taker)),
            tick=tick,
            lot=lot,
            remember=remember,
            remember_orders=remember_orders,
            remember_orders_us=remember_orders_us,
        )
        self.users: dict[str, int] = {}
        self.orders: dict[str, int] = {}
        self._labels: dict[int, str] = {}
        self._owners: dict[int, str] = {}
        self.transactions: dict[str, int] = {}
        self._entered: dict[int, str] = {}
        self._reports = Reports(self, labels=self._labels, transactions=self._entered, users=self.users)
        self._tells_book = tells_book
        for user in users or ("ann", "bob", "cat", "dan"):
            self._create([user])
            for asset, amount in ((CASH, self.cash.parse(cash)), (CREDIT, credits)):
                if amount:
                    self.send(cmd.Deposit(self.users[user], asset, amount))
        self.check()

    # Playing

    def play(self, script: str) -> None:
        """Plays every line; the first that brings about something else than it says is the failure."""
        for line in re.sub(r"\n\s*\+ ", ", ", script).strip().splitlines():
            told, _, book = line.partition("|")
            asked, _, said = told.partition("->")
            assert book or not self._tells_book, f"{asked.strip()}: which book does it leave?"
            happened = ", ".join(self._act_often(asked.split()))
            assert " ".join(said.split()) in (happened, "..."), (
                f"\n    {asked.strip()}\n    expected: {said}\n    happened: {happened}"
            )
            assert not book or self._reports.book() == " ".join(book.split()), (
                f"\n    {asked.strip()}\n    expected book: {book}\n    book:          {self._reports.book()}"
            )
            try:
                self.check()
            except AssertionError as error:
                raise AssertionError(f"after {asked.strip()}: {error}") from error

    def _act_often(self, words: list[str]) -> list[str]:
        if words[1:2] != ["times"]:
            return self._act(words)
        times = range(1, int(words[0]) + 1)
        return [
            report for number in times for report in self._act([word.replace("*", str(number)) for word in words[2:]])
        ]

    def _act(self, words: list[str]) -> list[str]:
        """A command of the market, or else a question to the reports."""
        name = words[0].replace("-", "_")
        verb: Callable[[list[str]], list[str]] | None = getattr(self, f"_{name}", None)
        if verb is not None:
            return verb(words[1:])
        if name == "order":
            return [self._reports.order(self.orders[words[1]])]
        return self._reports.ask(name, words[1:])

    # Orders

    def _place(self, words: list[str]) -> list[str]:
        label, user, side, quantity, *rest = words
        options = options_of(rest, flags=("market", "post-only", *FORCES))
        until, stop, shown = options.get("until"), options.get("stop"), options.get("show")
        at_market = "market" in options
        usual = "GTD" if until else "IOC" if at_market and not stop else "GTC"
        number, known = self.live.last_order + 1, self.orders.get(label)
        self.orders[label], self._labels[number], self._owners[number] = number, label, user
        command = cmd.PlaceOrder(
            self.users[user],
            options.get("in", SYMBOL),
            side == "buy",
            self.instrument.parse_quantity(quantity),
            None if at_market else self.instrument.parse_price(options["@"]),
            next((force for force in FORCES if force in options), usual),
            START_US + microseconds(until) if until else None,
            options.get("named"),
            self.instrument.parse_price(stop) if stop else None,
            self.instrument.parse_quantity(shown) if shown else None,
            "post-only" in options,
            options.get("stp"),
        )
        if command.client_order_id and "id" not in options:
            options["id"] = placing_id(command.user, command.client_order_id)
        report = self._report(command, options)
        if self.live.last_order < number and known:  # said before: the label stays with the first
            self.orders[label] = known
        return report

    def _amend(self, words: list[str]) -> list[str]:
        options = options_of(words[1:])
        price, quantity, shown = options.get("price"), options.get("quantity"), options.get("show")
        until, version = options.get("until"), options.get("version")
        user, number, client_order_id = self._named(words[0], options)
        command = cmd.AmendOrder(
            user,
            SYMBOL,
            number,
            client_order_id,
            self.instrument.parse_price(price) if price else None,
            self.instrument.parse_quantity(quantity) if quantity else None,
            START_US + microseconds(until) if until else None,
            self.instrument.parse_quantity(shown) if shown else None,
            int(version) if version else None,
        )
        return self._report(command, options)

    def _cancel(self, words: list[str]) -> list[str]:
        options = options_of(words[1:])
        return self._report(cmd.CancelOrder(*self._named(words[0], options)), options, asked="requested")

    def _cancel_all(self, words: list[str]) -> list[str]:
        options = options_of(words, flags=("here", *self.users))
        user = next((number for name, number in self.users.items() if name in options), None)
        return self._report(cmd.CancelOrders(user, SYMBOL if "here" in options else None), options)

    def _named(self, label: str, options: dict[str, str]) -> tuple[int, int | None, str | None]:
        """User, order number, client order id: a label names a number, `named:ID` a client order id, `#7` a number as it stands."""
        by = options.get("by")
        if label.startswith("named:"):
            return self.users[by or ""], None, label.removeprefix("named:")
        number = int(label[1:]) if label.startswith("#") else self.orders[label]
        return self.users[by or self._owners[number]], number, None

    # Accounts and users

    def _deposit(self, words: list[str]) -> list[str]:
        return self._move(cmd.Deposit, words)

    def _withdraw(self, words: list[str]) -> list[str]:
        return self._move(cmd.Withdraw, words)

    def _move(self, kind: type[cmd.Deposit | cmd.Withdraw], words: list[str]) -> list[str]:
        user, amount, asset, *rest = words
        units = self.live.assets[asset].parse_positive(amount)
        return self._report(kind(self.users[user], asset, units), options_of(rest))

    def _deal(self, words: list[str]) -> list[str]:
        buyer, _, quantity, _, seller, _, total, *rest = words
        lots, cents = int(quantity), self.cash.parse(total)
        command = cmd.EnterTransaction(
            self.users[buyer],
            "buy",
            CREDIT,
            lots,
            CASH,
            *_price(cents, lots),
            cents,
            counterparty=self.users[seller],
        )
        return self._report(command, options_of(rest))

    def _enter(self, words: list[str]) -> list[str]:
        """A total is of cash, and the price whatever gives it."""
        label, user, kind, amount, asset, *rest = words
        options = options_of(rest, flags=("earned", "pending", "guarded"))
        units = self.live.assets[asset].parse_positive(amount)
        total = self.cash.parse(options["for"]) if "for" in options else None
        price, price_decimals = (None, None) if total is None else _price(total, units)
        command = cmd.EnterTransaction(
            self.users[user],
            kind,
            asset,
            units,
            None if total is None else CASH,
            price,
            price_decimals,
            total,
            self.cash.parse(options.get("fee", "0")),
            self.users[options["with"]] if "with" in options else None,
            self._moment(options.get("was")),
            "pending" in options,
            self._moment(options.get("until")),
            earned="earned" in options,
            guarded="guarded" in options or msgspec.UNSET,
        )
        number = self.live.sequence + 1
        self.transactions.setdefault(label, number)
        self._entered.setdefault(number, label)
        return self._report(command, options)

    def _update(self, words: list[str]) -> list[str]:
        label, status, *rest = words
        options = options_of(rest, flags=("guarded",))
        number = int(label[1:]) if label.startswith("#") else self.transactions[label]
        pending = self.live.pending_transactions.get(number)
        user = self.users[options["by"]] if "by" in options else pending.user if pending else 1
        guarded = "guarded" in options or msgspec.UNSET
        return self._report(cmd.UpdateTransaction(user, number, status, guarded), options)

    # Orders that are worked outside

    def _outside(self, words: list[str]) -> list[str]:
        label, user, side, quantity, *rest = words
        options = options_of(rest, flags=("market", *FORCES))
        number = self.live.last_order + 1
        self.orders[label], self._labels[number], self._owners[number] = number, label, user
        usual = "GTD" if "until" in options else "GTC"
        command = cmd.PlaceExternalOrder(
            self.users[user],
            SYMBOL,
            side == "buy",
            self.instrument.parse_quantity(quantity),
            None if "market" in options else self.instrument.parse_price(options["@"]),
            next((force for force in FORCES if force in options), usual),
            self._moment(options.get("until")),
            options.get("named"),
        )
        return self._report(command, options)

    def _fill(self, words: list[str]) -> list[str]:
        """The price may have any decimals."""
        label, quantity, *rest = words
        options = options_of(rest)
        whole, _, part = options["@"].partition(".")
        user, number, client_order_id = self._named(label, options)
        command = cmd.FillOutside(
            user,
            SYMBOL,
            number,
            client_order_id,
            None if quantity == "rest" else self.instrument.parse_quantity(quantity),
            int(whole + part),
            len(part),
            self.cash.parse(options.get("fee", "0")),
            self._moment(options.get("was")),
        )
        return self._report(command, options)

    def _moment(self, text: str | None) -> int | None:
        return None if text is None else START_US + microseconds(text)

    def _bust(self, words: list[str]) -> list[str]:
        """What the trade posted is given as the journal has it."""
        return self._report(self.bust_of(int(words[0])), options_of(words[1:]))

    def _create(self, words: list[str]) -> list[str]:
        self.users[words[0]] = len(self.live.users) + 1
        return self._report(cmd.CreateUser(f"digest of {words[0]}"), {})

    def _delete(self, words: list[str]) -> list[str]:
        to = options_of(words[1:]).get("sweep")
        return self._report(cmd.DeleteUser(self.users[words[0]], self.users[to] if to else None), {})

    def _suspend(self, words: list[str]) -> list[str]:
        return self._report(cmd.SuspendUser(self.users[words[0]]), options_of(words[1:]))

    def _unsuspend(self, words: list[str]) -> list[str]:
        return self._report(cmd.ResumeUser(self.users[words[0]]), options_of(words[1:]))

    def _userfees(self, words: list[str]) -> list[str]:
        maker_ppm, taker_ppm = (None if rate == "none" else ppm(rate) for rate in words[1:3])
        return self._report(cmd.SetUserFees(self.users[words[0]], SYMBOL, maker_ppm, taker_ppm), {})

    # The instrument and the time

    def _halt(self, _: list[str]) -> list[str]:
        return self._report(cmd.SetInstrumentStatus(SYMBOL, halted=True), {})

    def _resume(self, _: list[str]) -> list[str]:
        return self._report(cmd.SetInstrumentStatus(SYMBOL, halted=False), {})

    def _open(self, _: list[str]) -> list[str]:
        return self._report(cmd.SetInstrumentStatus(SYMBOL, session_open=True), {})

    def _close(self, _: list[str]) -> list[str]:
        return self._report(cmd.SetInstrumentStatus(SYMBOL, session_open=False), {})

    def _rules(self, words: list[str]) -> list[str]:
        return self._report(cmd.SetRules(SYMBOL, rule_changes(words, self.instrument)), {})

    def _schedule(self, words: list[str]) -> list[str]:
        """Sessions as `+5s-+9s`, in whole seconds; `none` takes the schedule away."""
        sessions = [] if words == ["none"] else [word.split("-") for word in words]
        seconds = [(microseconds(opens) // SECOND_US, microseconds(closes) // SECOND_US) for opens, closes in sessions]
        schedule = schedule_of(*seconds) if seconds else None
        return self._report(cmd.SetSchedule(SYMBOL, schedule), {})

    def _list(self, words: list[str]) -> list[str]:
        """Another instrument on the same grid, which has no credits yet."""
        base = Asset.checked(words[0], 0)
        grid = self.instrument
        other = Instrument.checked(
            f"{base.code}/{CASH}", base, self.cash, tick_size=grid.tick_size, lot_size=grid.lot_size
        )
        self._report(cmd.AddAsset(base), {})
        return self._report(cmd.AddInstrument(other), {})

    def _at(self, words: list[str]) -> list[str]:
        self.time_us = START_US + microseconds(words[0])
        return []

    def _due(self, _: list[str]) -> list[str]:
        return list(self._reports.happened(self.advance()))

    def _report(self, command: cmd.Command, options: dict[str, str], *, asked: str = "") -> list[str]:
        before = self.live.sequence
        try:
            self.send(command, command_id=options.get("id"))
        except TradingError as error:
            return [*self._reports.happened(self.entries[before:]), f"error {error.code}"]
        assert self.answer is not None
        shown = [*self._reports.happened(self.entries[before:], asked=asked)]
        if self.answer.sequence <= before:
            shown.append(f"repeated {self.answer.code or self.answer.status or 'done'}")
        return shown


def _price(total: int, units: int) -> tuple[int, int]:
    """Of so many units of an asset without decimals, in hundredths or finer; it must come out even."""
    price = total * 10**6
    assert price % units == 0, f"{total} is not exact over {units}"
    return price // units, 8
