"""Statistics and balances in cases that random trading does not come by: what happened elsewhere, huge sums, users who go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from credit_trading.checks import LARGEST
from credit_trading.exchange import commands as cmd
from credit_trading.host.outwards.seen import moment
from credit_trading.journal.notes import Note
from tests.exchange.market import Market
from tests.exchange.replicas import CASH, CREDIT, SECOND_US, START_US
from tests.host.journals import Derived, written

HUGE = 2**61


def _statistics(derived: Derived, user: str, currency: str, asset: str = CREDIT) -> dict[str, Any]:
    (row,) = [
        {name: value for name, value in row.items() if value not in (0, "0", "0.00")}
        for row in derived.rows("statistics")
        if (row["user_id"], row["asset"], row["currency"]) == (user, asset, currency)
    ]
    return row


def _record(market: Market, kind: str, quantity: int, total: int | None = None, fee: int = 0) -> None:
    terms = {} if total is None else {"currency": CASH, "price": total // quantity, "price_decimals": 2}
    trade = f"t{quantity}" if total is not None else None
    command = cmd.RecordTransaction(
        1,
        kind,
        f"{kind}-{quantity}",
        START_US - SECOND_US,
        CREDIT,
        quantity,
        total=total,
        fee=fee,
        trade_reference=trade,
        **terms,  # type: ignore[arg-type]
    )
    market.send(command)


def test_what_was_recorded_from_elsewhere_counts_as_what_it_was(tmp_path: Path) -> None:
    market = Market("ann", cash="1000.00", credits=50)
    _record(market, "buy", 10, 2_000, fee=7)
    _record(market, "buy", 4, 400, fee=3)
    _record(market, "buy_busted", 4, 400, fee=-3)
    _record(market, "sell", 5, 1_500, fee=2)
    _record(market, "deposit", 3)
    _record(market, "fee", 2)
    with written(market, tmp_path / "trading") as live, Derived.of(live, 1) as derived:
        traded = _statistics(derived, "ann", CASH)
        assert (traded["trades"], traded["bought"], traded["sold"]) == (2, "10", "5")
        assert (traded["spent"], traded["earned"], traded["fees"]) == ("20.00", "15.00", "0.09")
        moved = _statistics(derived, "ann", "")
        assert (moved["came_in"], moved["went_out"]) == ("53", "2")
        balances = {row["asset"]: row["posted"] for row in derived.rows("balances")}
        assert balances == {CREDIT: "56", CASH: "994.91"}


def test_sums_beyond_what_a_column_takes_stay_exact_as_text(tmp_path: Path) -> None:
    """The number beside them is the largest there is; so it is wherever batches end."""
    market = Market("ann", "bob", cash="0", credits=0)
    for _ in range(5):
        market.send(cmd.Deposit(1, CREDIT, HUGE))
        market.send(cmd.Withdraw(1, CREDIT, HUGE))
    for sizes in ([100], [1], [2, 3]):
        with written(market, tmp_path / f"{sizes}") as live, Derived.of(live, *sizes) as derived:
            row = _statistics(derived, "ann", "")
            assert (row["came_in"], row["came_in_units"]) == (str(5 * HUGE), LARGEST)
            assert (row["went_out"], row["went_out_units"]) == (str(5 * HUGE), LARGEST)


def test_a_user_who_is_deleted_takes_balances_and_statistics_along(tmp_path: Path) -> None:
    """And the adapter is told what they were, also where the deletion is in the batch that made them."""
    market = Market("ann", "bob", cash="5.00", credits=9)
    market.play("""
        place a1 ann sell 3 @ 1.00
        delete ann sweep bob           -> ...
    """)
    last = market.live.sequence
    for sizes in ([1_000], [1], [last - 1]):
        with written(market, tmp_path / f"{sizes}") as live, Derived.of(live, *sizes) as derived:
            assert {row["user_id"] for row in derived.rows("balances")} == {"bob"}
            assert {row["user_id"] for row in derived.rows("statistics")} == {"bob"}
            assert derived.rows("orders") == []
            changes = derived.changes[-1]
            assert changes.deleted_users == ["ann"]
            assert {(row["asset"], row["posted"], row["held"]) for row in changes.gone_balances} == {
                (CREDIT, "0", "0"),
                (CASH, "0.00", "0.00"),
            }
            gone = {(row["asset"], row["currency"]): row for row in changes.gone_statistics}
            assert gone[CREDIT, ""]["went_out"] == "9"
            assert gone[CREDIT, CASH]["orders_canceled"] == 1
            assert "ann" in {row["user_id"] for row in derived.rows("activity")}


def test_a_trade_that_is_taken_back_leaves_when_something_was_done_last(tmp_path: Path) -> None:
    """Its quantities and fees are out again, and what was before it stays."""
    market = Market("ann", "bob", cash="50.00", credits=9, taker="0.01")
    market.play("""
        place a1 ann sell 3 @ 2.00
        place b1 bob buy 3 @ 2.00                    -> ...
        at +6s
        bust 1                                       -> ...
    """)
    for sizes in ([1_000], [1]):
        with written(market, tmp_path / f"{sizes}") as live, Derived.of(live, *sizes) as derived:
            row = _statistics(derived, "bob", CASH)
            assert row.keys() >= {"orders_placed", "orders_filled"}
            assert row.keys().isdisjoint({"trades", "bought", "bought_units", "spent", "fees", "fees_units"})
            assert row["last_at"] == moment(START_US)
            assert row["sequence"] == market.live.sequence


def test_who_acted_is_told_alike_wherever_a_batch_begins(tmp_path: Path) -> None:
    """A command's later events are its first one's actor's; what only time brought about is the exchange's own doing."""
    market = Market("ann", "bob", cash="50.00", credits=9)
    market.play("""
        place a1 ann sell 1 @ 1.00 id user1/id/1
        place a2 ann sell 1 @ 1.00 until +5s id user1/id/2
        place b1 bob buy 1 @ 1.00 id user2/id/1      -> ...
        cancel-all ann id admin/id/1                 -> ...
        place a3 ann sell 1 @ 2.00 until +5s id user1/id/3
        at +6s                                       -> ...
        due                                          -> ...
        place a4 ann sell 1 @ 2.00 id admin/id/2
    """)
    mass = next(entry.sequence for entry in market.entries if entry.event.kind == "orders_mass_canceled")
    notes = {mass: Note(actor="admin:ops", correlation_id="ticket 7")}
    with written(market, tmp_path / "trading", notes) as live, Derived.of(live, 1) as derived:
        told = {(row["type"], row["order_id"]): row for row in derived.rows("activity") if row["order_id"]}
        assert told["order_placed", 1]["actor"] == "user:ann"
        assert told["order_filled", 1]["actor"] == "user:bob"
        canceled = told["order_canceled", 2]
        assert (canceled["actor"], canceled["correlation_id"]) == ("admin:ops", "ticket 7")
        assert told["order_expired", 4]["actor"] == "exchange"
        assert told["order_placed", 5]["actor"] == "erased"
