"""What the activity log says: a sentence for everything that happens, and figures that add up."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from decimal import Decimal
from random import Random

import pytest

from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.host.entries.entries import entries_of
from credit_trading.host.entries.entry import EntryType
from credit_trading.host.outwards.figures import FILLED, Figures
from credit_trading.host.outwards.movements import Movements
from credit_trading.host.outwards.orders import Orders
from credit_trading.host.rows import ActivityRow
from credit_trading.host.tables import Tables
from credit_trading.money import Asset
from tests.exchange.flow import act, any_steps, random_flow
from tests.exchange.market import Market
from tests.exchange.replicas import CASH, CREDIT, START_US
from tests.host.told import NamesOf, lines, seen, told

_WIDTHS = {
    column.name: (getattr(column.type, "length", None) or 0, bool(column.nullable))
    for column in Tables().activity.columns
}
SILENT = {"founded", "fenced", "order_refreshed", "orders_mass_canceled"}
"""Kinds of events of which nothing is told; others tell what matters."""


def test_orders_and_trades_are_told_in_plain_sentences() -> None:
    assert _said(
        """
        place a1 ann sell 10 @ 5.00
        place b1 bob buy 4 @ 5.00
        place b2 bob buy 20 @ 5.00 IOC
        place a2 ann sell 5 @ 6.00 until +5s
        amend a2 quantity 6 price 6.10
        place b3 bob buy 1000 @ 9.00
        place c1 cat buy 1 market stop 6.10
        place c2 cat buy 1 @ 6.10
        cancel b1
        at +6s
        due
        bust 1
        """
    ) == [
        "order_placed: ann placed order 1: sell 10 TREE at 5.00 USD, GTC",
        "order_placed: bob placed order 2: buy 4 TREE at 5.00 USD, GTC",
        "trade: bob bought 4 TREE from ann at 5.00 USD (20.00 USD)",
        "order_filled: order 2 of bob was filled: bought 4 TREE at 5.00 USD (20.00 USD), fee 0.05 USD",
        "order_partly_filled: order 1 of ann was partly filled: sold 4 TREE at 5.00 USD (20.00 USD), rebate 0.05 USD; 6 TREE left",
        "order_placed: bob placed order 3: buy 20 TREE at 5.00 USD, IOC",
        "trade: bob bought 6 TREE from ann at 5.00 USD (30.00 USD)",
        "order_partly_filled: order 3 of bob was partly filled: bought 6 TREE at 5.00 USD (30.00 USD), fee 0.08 USD; 14 TREE left",
        "order_filled: order 1 of ann was filled: sold 6 TREE at 5.00 USD (30.00 USD), rebate 0.07 USD",
        "order_canceled: order 3 of bob was canceled: it was immediate or cancel; unfilled: 14 of 20 TREE",
        "order_placed: ann placed order 4: sell 5 TREE at 6.00 USD, GTD until 2026-01-01T00:00:05.000000Z",
        "order_amended: order 4 of ann was changed: sell 6 TREE at 6.10 USD",
        "order_rejected: order 5 of bob was refused: the available balance does not cover it (buy 1000 TREE at 9.00 USD, GTC)",
        "order_placed: cat placed order 6: buy 1 TREE at market once 6.10 USD is traded, GTC",
        "order_placed: cat placed order 7: buy 1 TREE at 6.10 USD, GTC",
        "trade: cat bought 1 TREE from ann at 6.10 USD (6.10 USD)",
        "order_filled: order 7 of cat was filled: bought 1 TREE at 6.10 USD (6.10 USD), fee 0.02 USD",
        "order_partly_filled: order 4 of ann was partly filled: sold 1 TREE at 6.10 USD (6.10 USD), rebate 0.01 USD; 5 TREE left",
        "order_triggered: order 6 of cat was triggered: its stop price was reached",
        "trade: cat bought 1 TREE from ann at 6.10 USD (6.10 USD)",
        "order_filled: order 6 of cat was filled: bought 1 TREE at 6.10 USD (6.10 USD), fee 0.02 USD",
        "order_partly_filled: order 4 of ann was partly filled: sold 1 TREE at 6.10 USD (6.10 USD), rebate 0.02 USD; 4 TREE left",
        "request_refused: a request to cancel order 2 of bob was refused: the order is no longer open: it was filled,"
        " canceled or has expired",
        "order_expired: order 4 of ann expired: its time was over; unfilled: 4 of 6 TREE",
        "trade_busted: trade 1 was taken back: bob had bought 4 TREE from ann for 20.00 USD",
    ]


def test_what_ends_an_order_without_a_fill_is_told_too() -> None:
    """Cut to what it has filled; cut by an order of the same user; canceled with all others; worked outside."""
    assert _said(
        """
        place a1 ann sell 5 @ 7.00
        place b1 bob buy 3 @ 7.00
        amend a1 quantity 3
        place a2 ann sell 4 @ 8.00 show 2 post-only
        place a3 ann buy 2 @ 8.00 stp decrement
        cancel-all ann
        outside a4 ann buy 10 @ 2.00
        fill a4 4 @ 1.999 fee 0.10
        fill a4 4 @ 1.75 fee 0.10
        """
    )[2:] == [
        "trade: bob bought 3 TREE from ann at 7.00 USD (21.00 USD)",
        "order_filled: order 2 of bob was filled: bought 3 TREE at 7.00 USD (21.00 USD), fee 0.06 USD",
        "order_partly_filled: order 1 of ann was partly filled: sold 3 TREE at 7.00 USD (21.00 USD), rebate 0.05 USD; 2 TREE left",
        "order_amended: order 1 of ann was changed: sell 3 TREE at 7.00 USD",
        "order_filled: order 1 of ann was filled: nothing is left of it",
        "order_placed: ann placed order 3: sell 4 TREE at 8.00 USD, GTC, showing 2 at a time, post-only",
        "order_placed: ann placed order 4: buy 2 TREE at 8.00 USD, GTC",
        "order_amended: order 3 of ann was reduced to 2 TREE: it would have traded with an order of the same user",
        "order_canceled: order 4 of ann was canceled: it would have traded with an order of the same user; unfilled: 2 TREE",
        "order_canceled: order 3 of ann was canceled: with all others, on request; unfilled: 2 TREE",
        "order_placed: ann placed order 5: buy 10 TREE at 2.00 USD, GTC, worked outside",
        "order_partly_filled: order 5 of ann was partly filled: bought 4 TREE at 1.75 USD (7.00 USD) outside, fee 0.10 USD; 6 TREE left",
    ]


def test_money_off_the_book_is_told_by_what_it_is_and_once_it_is_posted() -> None:
    """A type's entries are what was posted: what is pending, or was given up, has another type."""
    market, after = _market()
    _play(
        market,
        """
        deposit ann 5.00 USD
        withdraw ann 5.00 USD
        withdraw ann 500000.00 USD
        enter t1 ann transfer_out 3 TREE with bob
        enter t2 ann transfer_in 3 TREE with bob
        enter t3 ann transfer_in 3 TREE was -3s
        enter t4 ann fee 1.00 USD earned
        enter t5 ann correction_out 1 TREE
        enter t6 ann withdrawal 2 TREE pending until +5s
        enter t7 ann withdrawal 2 TREE pending
        update t7 settled
        enter t8 ann withdrawal 2 TREE pending
        update t8 failed
        enter t9 ann transfer_out 3 TREE with bob pending
        update t9 cancelled
        at +6s
        due
        """,
    )
    for kind, fee in (("buy", 5), ("deposit", 0)):
        market.send(cmd.EnterTransaction(1, kind, CREDIT, 2, CASH, 3335, 3, 667, fee))
    market.send(cmd.EnterTransaction(1, "sell", CREDIT, 2, CASH, 450, 2, 900, 0, 2, None, True))
    market.send(cmd.UpdateTransaction(1, market.live.sequence, "settled"))
    rows = told(market, after=after)
    assert lines(rows) == [
        "deposit: ann deposited 5.00 USD",
        "withdrawal: ann withdrew 5.00 USD",
        "request_refused: a request for a withdrawal of ann was refused: the available balance does not cover it",
        "transfer: ann gave 3 TREE to bob",
        "transfer: bob gave 3 TREE to ann",
        "transfer: ann was given 3 TREE by somebody outside, as of 2025-12-31T23:59:57.000000Z",
        "transaction: ann paid a fee of 1.00 USD",
        "correction: a correction took 1 TREE from ann",
        "withdrawal_held: held for a withdrawal: 2 TREE of ann, until 2026-01-01T00:00:05.000000Z",
        "withdrawal_held: held for a withdrawal: 2 TREE of ann",
        "withdrawal: ann withdrew 2 TREE",
        "withdrawal_held: held for a withdrawal: 2 TREE of ann",
        "withdrawal_released: no longer held: 2 TREE of ann; the withdrawal was given up as failed",
        "transaction: pending: ann gave 3 TREE to bob",
        "transaction: cancelled: ann gave 3 TREE to bob",
        "withdrawal_released: no longer held: 2 TREE of ann; the withdrawal was cancelled: its time was over",
        "transaction: ann bought 2 TREE off the book at 3.335 USD (6.67 USD), fee 0.05 USD",
        "deposit: ann deposited 2 TREE, which cost 3.335 USD each",
        "transaction: pending: ann sold 2 TREE to bob off the book at 4.50 USD (9.00 USD)",
        "transaction: ann sold 2 TREE to bob off the book at 4.50 USD (9.00 USD)",
    ]
    held, settled = rows[9], rows[10]
    assert held["transaction_id"] == settled["transaction_id"] == held["sequence"]
    assert (held["status"], settled["status"], settled["side"], rows[12]["reason"]) == (
        "pending",
        "settled",
        "out",
        "requested",
    )
    assert rows[-1]["trade_id"] == 1


def test_what_was_recorded_elsewhere_says_so() -> None:
    """Where both sides are users here each of them has a record, so each tells the own side."""
    market, after = _market()
    then = START_US - 1_000_000
    for user, kind, quantity, money in (
        (1, "buy", 2, (CASH, 450, 2, 900, 7)),
        (1, "buy_busted", 2, (CASH, 450, 2, 900, -7)),
        (1, "transfer_out", 5, (None, None, None, None, 0)),
    ):
        currency, price, decimals, total, fee = money
        market.send(
            cmd.RecordTransaction(
                user, kind, f"r-{kind}", then, CREDIT, quantity, currency, price, decimals, total, fee, 2
            )
        )
    elsewhere = ", recorded from elsewhere, as of 2025-12-31T23:59:59.000000Z"
    rows = told(market, after=after)
    assert lines(rows) == [
        f"transaction: ann bought 2 TREE from bob off the book at 4.50 USD (9.00 USD), fee 0.07 USD{elsewhere}",
        "transaction: ann bought 2 TREE from bob off the book at 4.50 USD (9.00 USD), fee 0.07 USD; this was taken back"
        f"{elsewhere}",
        f"transfer: ann gave 5 TREE to bob{elsewhere}",
    ]
    assert {row["counterparty_id"] for row in rows} == {"bob"}


def test_users_and_settings_are_told_with_what_was_set() -> None:
    market, after = _market()
    _play(
        market,
        """
        suspend bob
        unsuspend bob
        userfees ann 0.001 none
        halt
        resume
        rules min-quantity 2 max-quantity 50 min-value 5.00 band 0.02 reference 5.00 max-open 7
        list GOLD
        create zed
        delete zed
        schedule +20s-+30s
        """,
    )
    market.send(cmd.SetCostMethod(1, "fifo"))
    market.send(cmd.ChangeEmail(1, "0" * 64))
    market.send(cmd.SetSchedule(market.instrument.symbol, None))
    market.send(cmd.AddAsset(Asset("VCS-1", 3, "p-7")))
    rows = told(market, after=after)
    said = [row["sentence"] for row in rows]
    assert said[:5] == [
        "bob was suspended and may only cancel",
        "bob may trade again",
        "fees of ann in TREE/USD are now: maker 0.001, taker that of the instrument",
        "TREE/USD is now halted",
        "TREE/USD is now open",
    ]
    assert said[5] == (
        "rules of TREE/USD are now: maker -0.0025, taker 0.0025, collar 0.05, self-trade cancel_newest, at least 2 TREE,"
        " at most 50 TREE, at least 5.00 USD in value, band 0.02, reference price 5.00 USD, at most 7 open orders of a user"
    )
    assert "user zed was created" in said
    assert "user zed was deleted" in said
    opens = "(opens next 2026-01-01T00:00:20.000000Z, closes next 2026-01-01T00:00:30.000000Z)"
    assert f"TREE/USD has a schedule: 1 session a week, times of UTC {opens}" in said
    assert f"TREE/USD is now closed by its schedule {opens}" in said
    assert "statistics of ann are now reckoned by the cost method fifo" in said
    assert "ann has another e-mail address" in said
    assert "TREE/USD has no schedule any more" in said
    assert said[-1] == "asset VCS-1 was added, with 3 decimals, of project p-7"
    assert rows[-1]["project_id"] == "p-7"
    assert {row["reason"] for row in rows if row["type"] == "settings_changed"} >= {"user_suspended", "asset_added"}


def test_every_kind_of_event_has_entries_or_is_known_to_have_none() -> None:
    """One of each kind, all of whose fields are as wide as they may be: no entry is too wide for its columns."""
    market = Market("u" * 64, "v" * 64)
    market.play(
        "place a1 USER sell 5 @ 9.00\nplace b1 OTHER buy 3 @ 1.00".replace("USER", "u" * 64).replace("OTHER", "v" * 64)
    )
    market.send(cmd.EnterTransaction(1, "withdrawal", CREDIT, 1, pending=True))
    pending = market.live.sequence
    most, symbol = 2**62, market.instrument.symbol
    names = NamesOf(market)
    orders = Orders({}, names, Movements(names), Figures(names))
    for entry in market.entries:
        orders.apply(seen(entry))
    money = (CASH, most, 18, most, most)
    entered = (1, "buy", START_US, CREDIT, most, most, *money, -most, 2)
    samples: dict[type[ev.Event], ev.Event] = {
        type(event): event
        for event in (
            *(entry.event for entry in market.entries),
            ev.Fenced(),
            ev.InstrumentRulesChanged(symbol, MarketRules()),
            ev.InstrumentScheduled(symbol, None),
            ev.InstrumentStatusChanged(symbol, True),
            ev.UserFeesChanged(1, symbol, None, 5),
            ev.UserEmailChanged(1, "0"),
            ev.UserSuspended(1),
            ev.UserResumed(1),
            ev.UserDeleted(1),
            ev.Withdrawn(1, CASH, most),
            ev.Transferred(1, 2, CASH, most),
            ev.TradedOffBook(1, 1, 2, CREDIT, CASH, most, most, 18, most),
            ev.TransactionRecorded(1, "sell_busted", "r", START_US, CREDIT, most, most, *money, -most, 2, symbol),
            ev.TransactionEntered(*entered),
            ev.TransactionUpdated(1, pending, "failed", CREDIT, -1, reason="user_deleted"),
            ev.CostMethodChanged(1, "average"),
            ev.OrderFilledOutside(1, 1, symbol, "sell", START_US, 1, most, 18, most, -most, 0, 5, 1, most, 0),
            ev.OrderRejected(1, 9, symbol, "buy", "limit", "GTC", 5, "duplicate_client_order_id"),
            ev.OrderAmended(1, 1, 900, 6, 6, False),
            ev.OrderTriggered(1, 1, 900, 5),
            ev.OrderRefreshed(1, 1, 2),
            ev.OrderReduced(1, 1, 4, 4),
            ev.OrderCanceled(1, 1, "no_opposite_price", 5),
            ev.OrdersMassCanceled(2, 1),
            ev.OrderExpired(1, 1, 5, "session_ended"),
            ev.CommandRejected(1, "UpdateTransaction", "transaction_not_guarded", None, 2),
            ev.Trade(1, symbol, most // market.instrument.tick_units, 3, most, "buy", 2, 2, -most, 0, 1, 1, most, 0),
            ev.TradeBusted(1, 1, 2, CREDIT, CASH, most, most, most, most, symbol),
        )
    }
    assert set(samples) == set(ev.KINDS.values()), "a kind of event without a sample here"
    for kind, event in samples.items():
        entry = ev.Entry(9, START_US, "c", None, event, None, None, None, None, None, None)
        rows = entries_of(seen(entry), orders.rows, names)
        assert bool(rows) == (kind.kind not in SILENT), kind.kind
        assert [row["part"] for row in rows] == list(range(len(rows)))
        for row in rows:
            _check_row(row)
            assert len(row["sentence"]) > 12
            assert "None" not in row["sentence"]


@pytest.mark.parametrize("seed", range(4))
def test_entries_of_random_trading_add_up_to_the_balances(seed: int, is_long: bool) -> None:
    """Whatever happens: from the entries alone follow all balances and what became of each order, in batches of any size."""
    for one in range(seed, 400 if is_long else 12, 4):
        market = Market(maker="-0.001", taker="0.0025")
        for step in random_flow(any_steps, Random(one), length=250):
            act(market, step)
        rows = told(market)
        assert rows == told(market, batch=7) == told(market, batch=1)
        keys = [(row["sequence"], row["part"]) for row in rows]
        assert keys == sorted(set(keys))
        for row in rows:
            _check_row(row)
        accounts = market.live.accounts
        assert {key: units for key, units in _balances(rows).items() if units} == {
            (user, asset): units
            for user, number in market.users.items()
            for asset in (CASH, CREDIT)
            if (units := accounts.balance(number, asset).posted)
        }
        _check_orders(market, rows)


def _check_orders(market: Market, rows: list[ActivityRow]) -> None:
    """Each that was placed ended once, or is open; as many were filled as the statistics say."""
    ends = Counter(
        row["order_id"] for row in rows if row["type"] in ("order_filled", "order_canceled", "order_expired")
    )
    placed = {row["order_id"] for row in rows if row["type"] == "order_placed"}
    assert ends == Counter(placed - set(market.live.orders))
    names = NamesOf(market)
    figures = Figures(names)
    orders = Orders({}, names, Movements(names), figures)
    for entry in market.entries:
        orders.apply(seen(entry))
    counted = sum(change[FILLED] for change in figures.changes.values())
    assert counted == sum(row["type"] == "order_filled" for row in rows)


def _balances(rows: list[ActivityRow]) -> dict[tuple[str, str], int]:
    """By user and asset, from the entries; fees, which no column has, are read out of the sentences."""
    balances: dict[tuple[str, str], int] = defaultdict(int)
    fills: dict[tuple[int, str], int] = {}

    def post(user: str | None, asset: str | None, units: int | None) -> None:
        if user is not None:
            assert asset is not None
            assert units is not None
            balances[user, asset] += units

    for row in rows:
        kind, user, other, asset, money = (
            row["type"],
            row["user_id"],
            row["counterparty_id"],
            row["asset"],
            row["currency"],
        )
        quantity, value = row["quantity_units"] or 0, row["value_units"] or 0
        sign = {"buy": 1, "sell": -1, "in": 1, "out": -1}.get(row["side"] or "", 0)
        if kind in ("order_filled", "order_partly_filled") and quantity:
            fee = _fee(row["sentence"])
            if row["trade_id"] is not None:
                fills[row["trade_id"], user or ""] = fee
            post(user, asset, sign * quantity)
            post(user, money, -sign * value - fee)
        elif kind == "trade_busted":
            for one, back in ((user, -1), (other, 1)):
                post(one, asset, back * quantity)
                post(one, money, -back * value + fills.get((row["trade_id"] or 0, one or ""), 0))
        elif kind == "transaction" and row["status"] == "settled" and row["side"] in ("buy", "sell"):
            post(user, asset, sign * quantity)
            post(user, money, -sign * value - _fee(row["sentence"]))
            post(other, asset, -sign * quantity)
            post(other, money, sign * value)
        elif row["status"] == "settled" and sign:
            post(user, asset, sign * quantity)
            post(other, asset, -sign * quantity)
    return balances


def _fee(sentence: str) -> int:
    """In cents, below zero for a rebate."""
    found = re.search(r", (fee|rebate) ([0-9.]+) USD", sentence)
    return 0 if found is None else int(Decimal(found[2]) * 100) * (1 if found[1] == "fee" else -1)


def _check_row(row: ActivityRow) -> None:
    """It fits the table, and its numbers and texts are the same."""
    assert row.keys() == _WIDTHS.keys()
    for name, (width, may_be_empty) in _WIDTHS.items():
        value = row[name]  # type: ignore[literal-required]
        assert value is not None or may_be_empty, name
        assert not width or value is None or len(value) <= width, f"{name} is too narrow for {value}"
    assert row["type"] in tuple(EntryType)
    for units, text in ((row["quantity_units"], row["quantity"]), (row["value_units"], row["value"])):
        assert (units is None) == (text is None)
        assert units is None or (units >= 0 and int(text.replace(".", "")) == units)  # type: ignore[union-attr]


def _market() -> tuple[Market, int]:
    market = Market("ann", "bob", "cat", cash="1000.00", credits=100, maker="-0.0025", taker="0.0025")
    return market, market.live.sequence


def _play(market: Market, script: str) -> None:
    for line in script.strip().splitlines():
        market.play(f"{line} -> ...")


def _said(script: str) -> list[str]:
    market, after = _market()
    _play(market, script)
    return lines(told(market, after=after))
