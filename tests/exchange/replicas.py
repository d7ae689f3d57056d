"""The engine driven command by command on a replica of its own, with a second one that only ever applies the entries.

Here: one instrument, the way commands get in, and the invariants of a state. Never here: texts, what a test expects.
Always: time moves only where a test moves it; sessions come from the schedule alone, through a calendar that counts seconds.
"""

from __future__ import annotations

from itertools import count, pairwise

from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import FEES
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.book import BookSide
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.schedule import Boundaries, Schedule, WeeklySession
from credit_trading.exchange.state import dump, restore, state_digest
from credit_trading.money import Asset, Instrument
from credit_trading.verify.state import check_state

CREDIT, CASH = "TREE", "USD"
SYMBOL = "TREE/USD"
START_US = 1_767_225_600_000_000
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US

_REQUEUING = (ev.OrderAccepted, ev.OrderTriggered, ev.OrderRefreshed)
_CHANGING = (
    *(ev.OrderAccepted, ev.OrderAmended, ev.OrderTriggered, ev.OrderRefreshed, ev.OrderReduced),
    ev.OrderFilledOutside,
)


def schedule_of(*sessions: tuple[int, int]) -> Schedule:
    """Sessions in seconds since the start; the minutes of a weekly session stand for them."""
    return Schedule("UTC", tuple(WeeklySession(0, opens, closes) for opens, closes in sessions))


def calendar(schedule: Schedule, after_us: int) -> Boundaries:
    """Reads the schedules that `schedule_of` writes: each session is held once."""
    opens = [START_US + session.opens_minute * SECOND_US for session in schedule.sessions]
    closes = [START_US + session.closes_minute * SECOND_US for session in schedule.sessions]
    return Boundaries(
        min((moment for moment in opens if moment > after_us), default=None),
        min((moment for moment in closes if moment > after_us), default=None),
    )


class Replicas:
    """One instrument, `TREE/USD`. `entries` is the whole history."""

    def __init__(
        self, rules: MarketRules, *, tick: str, lot: str, remember: int, remember_orders: int, remember_orders_us: int
    ) -> None:
        self.time_us = START_US
        self.live = Replica()
        self.followed = Replica()
        self.entries: list[ev.Entry] = []
        self.answer: Answer | None = None
        self._queued: dict[int, int] = {}
        self._versions: dict[int, int] = {}
        self._ids = (f"c{number}" for number in count(1))
        self.live.record(
            ev.Founded("x1", remember, DAY_US, remember_orders, remember_orders_us),
            time_us=self.time_us,
            cause="founding",
            content=None,
        )
        base, self.cash = Asset.checked(CREDIT, 0), Asset.checked(CASH, 2)
        self.instrument = Instrument.checked(SYMBOL, base, self.cash, tick_size=tick, lot_size=lot)
        self.send(cmd.AddAsset(base))
        self.send(cmd.AddAsset(self.cash))
        self.send(cmd.AddInstrument(self.instrument, rules))

    def send(self, command: cmd.Command, *, command_id: str | None = None) -> list[ev.Entry]:
        """Decides one command; its entries, followed by the second replica. Raises what the engine raises."""
        request = cmd.Request.of(command, command_id=command_id or next(self._ids), prepared_us=self.time_us)
        try:
            self.answer = engine.handle(self.live, request, time_us=self.time_us, calendar=calendar)
        finally:
            entries = self._follow()
        return entries

    def advance(self) -> list[ev.Entry]:
        """What is due by now: expiries and changes of session."""
        engine.advance(self.live, time_us=self.time_us, calendar=calendar)
        return self._follow()

    def bust_of(self, number: int) -> cmd.BustTrade:
        """What takes that trade back, as the history has it."""
        for event in (entry.event for entry in self.entries):
            if isinstance(event, ev.Trade) and event.trade == number:
                taker_buys = event.taker_side == "buy"
                sides = [(event.taker, event.taker_fee), (event.maker, event.maker_fee)]
                (buyer, buyer_fee), (seller, seller_fee) = sides if taker_buys else sides[::-1]
                lots = event.quantity_lots * self.instrument.lot_units
                return cmd.BustTrade(
                    number, SYMBOL, CREDIT, CASH, buyer, seller, lots, event.value, buyer_fee, seller_fee
                )
            if isinstance(event, ev.TransactionEntered | ev.TransactionUpdated) and event.trade == number:
                assert event.counterparty is not None
                parties = (event.user, event.counterparty)
                buyer, seller = parties if event.asset_change > 0 else parties[::-1]
                lots, value = abs(event.asset_change), abs(event.currency_change)
                return cmd.BustTrade(number, None, CREDIT, CASH, buyer, seller, lots, value, 0, 0)
        raise AssertionError(f"no trade {number}")

    @property
    def fees(self) -> int:
        return self.live.accounts.balance(FEES, CASH).posted

    def side(self, *, buys: bool) -> BookSide:
        return self.live.markets[SYMBOL].book.side(buys=buys)

    def depth(self, *, buys: bool) -> list[tuple[int, int]]:
        """(price in ticks, displayed lots) of each level, best first."""
        return [(level.price_ticks, level.lots) for level in self.side(buys=buys).levels()]

    # What always holds

    def check(self) -> None:
        """Every invariant that a state has by itself, and that applying the entries alone leads to the same state."""
        assert check_state(self.live) == []
        assert self.fees >= 0 or self.live.busted, "rounding ran against the exchange"
        self._check_orders()
        self._check_holds()
        self._check_side(buys=True)
        self._check_side(buys=False)
        assert state_digest(self.followed) == state_digest(self.live), "replayed entries lead elsewhere"

    def check_history(self) -> None:
        """As `check`, from nothing; and a state that is saved and loaded is the same, times and answers included."""
        replayed = Replica()
        for entry in self.entries:
            replayed.apply(entry)
        assert dump(replayed) == dump(self.live) == dump(restore(dump(self.live)))
        assert replayed.next_due_us == self.live.next_due_us == restore(dump(self.live)).next_due_us

    def _check_orders(self) -> None:
        """No stop waits at a price that was traded; versions count what changed an order; nothing that is due is still open."""
        last = self.live.markets[SYMBOL].last_price_ticks
        for order in self.live.orders.values():
            assert order.version == self._versions[order.number], f"version of {order.number}"
            assert order.expires_at_us is None or order.expires_at_us > self.live.time_us, f"{order.number} is overdue"
            if last is not None and order.stop_ticks is not None:
                beyond = last - order.stop_ticks if order.buys else order.stop_ticks - last
                assert beyond < 0, f"{order.number} waits for a price that was traded"

    def _check_holds(self) -> None:
        """By another way than `verify`: what is held is what would be given back if all that is open were given up."""
        held = {(account, asset): balance.held for account, asset, balance in self.live.accounts if balance.held}
        open_: dict[tuple[int, str], int] = {}
        for order in self.live.orders.values():
            open_[order.user, CASH if order.buys else CREDIT] = (
                open_.get((order.user, CASH if order.buys else CREDIT), 0) + order.hold
            )
        for one in self.live.pending_transactions.values():
            assert one.expires_at_us is None or one.expires_at_us > self.live.time_us, f"{one.number} is overdue"
            assert not one.guarded or one.expires_at_us is one.counterparty is None, f"{one.number} ends by itself"
            assert not self.live.users[one.user].deleted, f"{one.number} has outlived its user"
            for asset, change in ((one.asset, one.asset_change), (one.currency or "", one.currency_change)):
                giver = one.user if change < 0 else one.counterparty
                if change and giver is not None:
                    open_[giver, asset] = open_.get((giver, asset), 0) + abs(change)
        assert held == {key: units for key, units in open_.items() if units}

    def _check_side(self, *, buys: bool) -> None:
        """Prices from best to worst, queues in turn, slices within what they may show, sums of what is shown."""
        side = self.side(buys=buys)
        levels, best = list(side.levels()), side.best()
        prices = [level.price_ticks for level in levels]
        assert (best.price_ticks if best else None) == next(iter(prices), None), "the best level is not the first"
        assert all((one > next_one) == buys for one, next_one in pairwise(prices)), f"{prices} are out of order"
        for level in levels:
            places = [self._queued[number] for number in level.orders]
            assert places == sorted(places), f"{list(level.orders)} at {level.price_ticks} are out of turn"
            assert level.lots == sum(order.shown_lots for order in level.orders.values()), "depth is not what is shown"
            for order in level.orders.values():
                assert 0 < order.shown_lots <= order.slice_of(order.remaining_lots), f"slice of {order.number}"

    def _follow(self) -> list[ev.Entry]:
        entries = self.live.take_pending()
        self.entries += entries
        for entry in entries:
            self.followed.apply(entry)
            event = entry.event
            if isinstance(event, _REQUEUING) or (isinstance(event, ev.OrderAmended) and event.requeued):
                self._queued[event.order] = entry.sequence
            changed = [event.order] if isinstance(event, _CHANGING) else []
            if isinstance(event, ev.Trade):
                changed = [event.maker_order, event.taker_order]
            for number in changed:
                self._versions[number] = self._versions.get(number, 0) + 1
        return entries
