"""A market that is played as text: each line a command and, after `->`, all that it brings about.

Here: the words of the scripts, and the engine driven line by line on a replica of its own. Never here: what a test expects.
Always: after every line the invariants hold, and a second replica that only ever applied the entries equals the first.

    place LABEL USER buy|sell QUANTITY @ PRICE [IOC|FOK] [until +5s] [named ID] [id COMMAND]
    place LABEL USER buy|sell QUANTITY market [named ID] [id COMMAND]
    amend LABEL [quantity N] [price P] [by USER] [id COMMAND]       cancel LABEL [by USER] [id COMMAND]
    deposit|withdraw USER AMOUNT ASSET [id COMMAND]                 deal BUYER buys QUANTITY from SELLER for TOTAL [id COMMAND]
    create USER     delete USER [sweep USER]     halt     resume     at +3s     sweep
    book bids|asks     queue bids|asks     order LABEL     balance USER ASSET     fees     answer

A line that has no `->` does what it says and nothing else; one that begins with `+` goes on with the report of the line before.
Reported are trades (maker, quantity, price and, where the instrument has fees, taker's and maker's fee), cancels that nobody asked
for, expiries, sweeps, rejections, errors and repeated answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count

from credit_trading.errors import TradingError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import FEES
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.book import BookSide
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import dump, restore, state_digest
from credit_trading.money import Asset, Instrument
from credit_trading.trading.verify import check_state

CREDIT, CASH = "TREE", "USD"
SYMBOL = "TREE/USD"
START_US = 1_767_225_600_000_000
DAY_US = 86_400_000_000


class Market:
    """One instrument and a few funded users, named by the scripts; orders are named by labels."""

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
    ) -> None:
        self.time_us = START_US
        self.live = Replica()
        self.followed = Replica()
        self.entries: list[ev.Entry] = []
        self.users: dict[str, int] = {}
        self.orders: dict[str, int] = {}
        self.answer: Answer | None = None
        self._owners: dict[int, int] = {}
        self._queued: dict[int, int] = {}
        self._ids = (f"c{number}" for number in count(1))
        self.live.record(ev.Founded("x1", remember, DAY_US), time_us=self.time_us, cause="founding", content=None)
        base, self.cash = Asset.checked(CREDIT, 0), Asset.checked(CASH, 2)
        self.instrument = Instrument.checked(
            SYMBOL, base, self.cash, tick_size=tick, lot_size=lot, maker_fee=maker, taker_fee=taker
        )
        self.send(cmd.AddAsset(base))
        self.send(cmd.AddAsset(self.cash))
        self.send(cmd.AddInstrument(self.instrument))
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
            asked, _, said = line.partition("->")
            happened = ", ".join(self._act(asked.split()))
            assert happened == " ".join(said.split()), (
                f"\n    {asked.strip()}\n    expected: {said}\n    happened: {happened}"
            )
            try:
                self.check()
            except AssertionError as error:
                raise AssertionError(f"after {asked.strip()}: {error}") from error

    def send(self, command: cmd.Command, *, command_id: str | None = None) -> list[ev.Entry]:
        """Decides one command; its entries, followed by the second replica. Raises what the engine raises."""
        request = cmd.Request.of(command, command_id=command_id or next(self._ids), prepared_us=self.time_us)
        try:
            self.answer = engine.handle(self.live, request, time_us=self.time_us)
        finally:
            entries = self._follow()
        return entries

    def expire(self) -> list[ev.Entry]:
        engine.expire_due(self.live, time_us=self.time_us)
        return self._follow()

    def check(self) -> None:
        """Every invariant that a state has by itself, and that applying the entries alone leads to the same state."""
        assert check_state(self.live) == []
        assert self.fees >= 0, "rounding ran against the exchange"
        for side in (self.live.markets[SYMBOL].book.bids, self.live.markets[SYMBOL].book.asks):
            for level in side.levels():
                places = [self._queued[number] for number in level.orders]
                assert places == sorted(places), f"{list(level.orders)} at {level.price_ticks} are out of turn"
        assert state_digest(self.followed) == state_digest(self.live), "replayed entries lead elsewhere"

    def check_history(self) -> None:
        """As `check`, from nothing; and a state that is saved and loaded is the same, times and answers included."""
        replayed = Replica()
        for entry in self.entries:
            replayed.apply(entry)
        assert dump(replayed) == dump(self.live) == dump(restore(dump(self.live)))

    @property
    def fees(self) -> int:
        return self.live.accounts.balance(FEES, CASH).posted

    def depth(self, *, buys: bool) -> list[tuple[int, int]]:
        """(price in ticks, lots) of each level, best first."""
        side = self.live.markets[SYMBOL].book.side(buys=buys)
        return [(level.price_ticks, level.lots) for level in side.levels()]

    def _follow(self) -> list[ev.Entry]:
        entries = self.live.take_pending()
        self.entries += entries
        for entry in entries:
            self.followed.apply(entry)
            event = entry.event
            if isinstance(event, ev.OrderAccepted):
                self._owners[event.order] = event.user
            if isinstance(event, ev.OrderAccepted) or (isinstance(event, ev.OrderAmended) and event.requeued):
                self._queued[event.order] = entry.sequence
        return entries

    # The words of a line

    def _act(self, words: list[str]) -> list[str]:
        verb: Callable[[list[str]], list[str]] = getattr(self, f"_{words[0]}")
        return verb(words[1:])

    def _place(self, words: list[str]) -> list[str]:
        label, user, side, quantity, _, *rest = words if "@" in words else [*words[:4], "", *words[4:]]
        price = rest.pop(0)
        force = rest.pop(0) if rest and rest[0] in ("IOC", "FOK") else "IOC" if price == "market" else "GTC"
        options = _pairs(rest)
        until = options.get("until")
        self.orders[label] = self.live.last_order + 1
        command = cmd.PlaceOrder(
            self.users[user],
            SYMBOL,
            side == "buy",
            self.instrument.parse_quantity(quantity),
            None if price == "market" else self.instrument.parse_price(price),
            "GTD" if until else force,
            START_US + _microseconds(until) if until else None,
            options.get("named"),
        )
        return self._report(command, options)

    def _amend(self, words: list[str]) -> list[str]:
        options = _pairs(words[1:])
        price, quantity = options.get("price"), options.get("quantity")
        user, number, client_order_id = self._named(words[0], options)
        command = cmd.AmendOrder(
            user,
            SYMBOL,
            number,
            client_order_id,
            None if price is None else self.instrument.parse_price(price),
            None if quantity is None else self.instrument.parse_quantity(quantity),
        )
        return self._report(command, options)

    def _cancel(self, words: list[str]) -> list[str]:
        options = _pairs(words[1:])
        return self._report(cmd.CancelOrder(*self._named(words[0], options)), options, asked="requested")

    def _named(self, label: str, options: dict[str, str]) -> tuple[int, int | None, str | None]:
        """User, order number, client order id: a label names a number, `named:ID` a client order id, `#7` a number as it stands."""
        by = options.get("by")
        if label.startswith("named:"):
            return self.users[by or ""], None, label.removeprefix("named:")
        number = int(label[1:]) if label.startswith("#") else self.orders[label]
        return self.users[by] if by else self._owners[number], number, None

    def _deposit(self, words: list[str]) -> list[str]:
        return self._move(cmd.Deposit, words)

    def _withdraw(self, words: list[str]) -> list[str]:
        return self._move(cmd.Withdraw, words)

    def _move(self, kind: type[cmd.Deposit | cmd.Withdraw], words: list[str]) -> list[str]:
        user, amount, asset, *rest = words
        units = self.live.assets[asset].parse_positive(amount)
        return self._report(kind(self.users[user], asset, units), _pairs(rest))

    def _deal(self, words: list[str]) -> list[str]:
        buyer, _, quantity, _, seller, _, total, *rest = words
        lots, cents = int(quantity), self.cash.parse(total)
        command = cmd.TradeOffBook(
            self.users[buyer], self.users[seller], CREDIT, CASH, lots, cents * 10**6 // lots, 8, cents
        )
        return self._report(command, _pairs(rest))

    def _create(self, words: list[str]) -> list[str]:
        self.users[words[0]] = len(self.live.users) + 1
        return self._report(cmd.CreateUser(f"digest of {words[0]}"), {})

    def _delete(self, words: list[str]) -> list[str]:
        to = _pairs(words[1:]).get("sweep")
        return self._report(cmd.DeleteUser(self.users[words[0]], self.users[to] if to else None), {})

    def _halt(self, _: list[str]) -> list[str]:
        return self._report(cmd.SetInstrumentStatus(SYMBOL, halted=True), {})

    def _resume(self, _: list[str]) -> list[str]:
        return self._report(cmd.SetInstrumentStatus(SYMBOL, halted=False), {})

    def _at(self, words: list[str]) -> list[str]:
        self.time_us = START_US + _microseconds(words[0])
        return []

    def _sweep(self, _: list[str]) -> list[str]:
        return list(self._shown(self.expire()))

    # What may be asked

    def _book(self, words: list[str]) -> list[str]:
        show = self.instrument
        levels = self.depth(buys=words[0] == "bids")
        return [f"{show.format_price(price)} x {show.format_quantity(lots)}" for price, lots in levels] or ["empty"]

    def _queue(self, words: list[str]) -> list[str]:
        side: BookSide = self.live.markets[SYMBOL].book.side(buys=words[0] == "bids")
        return [self._label(number) for level in side.levels() for number in level.orders] or ["empty"]

    def _order(self, words: list[str]) -> list[str]:
        order = self.live.orders.get(self.orders[words[0]])
        if order is None:
            return ["closed"]
        show = self.instrument
        filled, quantity = show.format_quantity(order.filled_lots), show.format_quantity(order.quantity_lots)
        hold = self.live.assets[order.held_asset].format(order.hold)
        return [f"{order.status} {filled} of {quantity} @ {show.format_price(order.price_ticks)} hold {hold}"]

    def _balance(self, words: list[str]) -> list[str]:
        user, asset = words
        balance, show = self.live.accounts.balance(self.users[user], asset), self.live.assets[asset].format
        return [f"{show(balance.posted)}" + (f" held {show(balance.held)}" if balance.held else "")]

    def _fees(self, _: list[str]) -> list[str]:
        return [self.cash.format(self.fees)]

    def _answer(self, _: list[str]) -> list[str]:
        answer = self.answer
        assert answer is not None
        return [
            f"{answer.code or answer.status} {answer.filled_lots} of {answer.quantity_lots} "
            f"for {self.cash.format(answer.filled_value)} fees {self.cash.format(answer.fees)}"
        ]

    # What is reported

    def _report(self, command: cmd.Command, options: dict[str, str], *, asked: str = "") -> list[str]:
        before = self.live.sequence
        try:
            self.send(command, command_id=options.get("id"))
        except TradingError as error:
            return [*self._shown(self.entries[before:]), f"error {error.code}"]
        assert self.answer is not None
        shown = [*self._shown(self.entries[before:], asked=asked)]
        if self.answer.sequence <= before:
            shown.append(f"repeated {self.answer.code or self.answer.status or 'done'}")
        return shown

    def _shown(self, entries: list[ev.Entry], *, asked: str = "") -> Iterator[str]:
        for entry in entries:
            match entry.event:
                case ev.Trade() as trade:
                    yield self._trade(trade)
                case ev.OrderCanceled(order=order, reason=reason) if reason != asked:
                    yield f"cancel {self._label(order)} {reason}"
                case ev.OrderExpired(order=order):
                    yield f"expire {self._label(order)}"
                case ev.OrderRejected(code=code) | ev.CommandRejected(code=code):
                    yield f"reject {code}"
                case ev.Transferred(receiver=receiver, asset=asset, amount=amount):
                    yield f"move {self.live.assets[asset].format(amount)} {asset} to {self._user(receiver)}"

    def _trade(self, trade: ev.Trade) -> str:
        show, instrument = self.cash.format, self.instrument
        shown = (
            f"trade {self._label(trade.maker_order)} {instrument.format_quantity(trade.quantity_lots)} "
            f"@ {instrument.format_price(trade.price_ticks)}"
        )
        if instrument.maker_ppm or instrument.taker_ppm:
            shown += f" fees {show(trade.taker_fee)}/{show(trade.maker_fee)}"
        return shown

    def _label(self, number: int) -> str:
        return next((label for label, known in self.orders.items() if known == number), f"#{number}")

    def _user(self, number: int) -> str:
        return next(name for name, known in self.users.items() if known == number)


def _pairs(words: list[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))


def _microseconds(text: str) -> int:
    return round(float(text.removeprefix("+").removesuffix("s")) * 1_000_000)
