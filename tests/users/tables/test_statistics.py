"""Statistics kept up with every event: equal to a recomputation from zero, however events came and in whatever slices."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from credit_trading.exchange import events as ev
from credit_trading.store.sqlite import Connection
from tests.users.tables.histories import HOUR_US, ME, START_US, History, file_of
from tests.users.tables.naive_statistics import exact, found, recomputed

_UNTRUE_SUMS = (
    "SELECT credit_type, currency FROM trading_statistics WHERE realised_profit IS NOT"
    " sold_value - bought_value - fees - cost_moved_in + cost_moved_out + cost"
)
_UNTRUE_HOLDINGS = (
    "SELECT asset FROM balances JOIN holdings_by_day AS h USING (asset) WHERE h.quantity <> posted"
    " AND day = (SELECT max(day) FROM holdings_by_day WHERE asset = h.asset)"
)
_UNTRUE_LOTS = (
    "SELECT credit_type, currency FROM trading_statistics AS t, metadata WHERE cost_method = 'fifo' AND cost IS NOT"
    " coalesce((SELECT sum(cost) + (sum(cost_part) - t.cost_part) / 1000000000 FROM cost_lots"
    " WHERE asset = t.credit_type AND currency = t.currency), 0)"
)
_ROUNDED = ("realised_profit", "cost_moved_out", "cost")
_UNTRUE_PARTS = "".join(
    f" UNION ALL SELECT '{table}', cost, cost_part FROM {table} WHERE (cost IS NULL) <> (cost_part IS NULL)"
    " OR abs(cost_part) >= 1000000000"
    for table in ("trading_statistics", "trading_statistics_by_day", "cost_lots")
).removeprefix(" UNION ALL ")


def _check(file: Connection) -> None:
    """What was paid and what was earned, what is there and what its parts are: to the last unit."""
    for untrue in (_UNTRUE_SUMS, _UNTRUE_HOLDINGS, _UNTRUE_LOTS, _UNTRUE_PARTS):
        assert file.execute(untrue).fetchall() == []


def test_tables_equal_a_recomputation_from_zero(tmp_path: Path, is_long: bool) -> None:
    """In slices of random lengths, one by one, and all at once: as a file is kept up, and as it is rebuilt."""
    for seed in range(200 if is_long else 7):
        late, at_once = (0.0, 0.2, 0.6)[seed % 3], (40, 1)[seed % 2]
        events = History(seed, late=late, methods=seed % 4 != 0).grow(110).events
        with file_of(events, tmp_path / "slices.db", slices=Random(seed), at_once=at_once) as file:
            expected = recomputed(file)
            assert found(file) == expected, f"seed {seed}, in slices"
            _check(file)
        with file_of(events, tmp_path / "whole.db") as file:
            assert found(file) == expected, f"seed {seed}, at once"


def test_rounding_never_adds_up(tmp_path: Path, is_long: bool) -> None:
    """Over long histories figures in all, and each day's cost, are within a unit of what they are without any rounding."""
    for seed in range(40 if is_long else 2):
        history = History(seed, late=0.1, methods=False).choose(("average", "fifo")[seed % 2])
        with file_of(history.grow(700).events, tmp_path / "file.db", slices=Random(seed), at_once=300) as file:
            expected = exact(file)
            in_all = file.execute(f"SELECT credit_type, currency, {', '.join(_ROUNDED)} FROM trading_statistics")
            of_days = file.execute(
                "SELECT credit_type, currency, day, cost FROM trading_statistics_by_day WHERE cost IS NOT NULL"
            )
            told = [((asset, currency, None), figures) for asset, currency, *figures in in_all]
            told += [((asset, currency, day), [cost]) for asset, currency, day, cost in of_days]
            for key, figures in told:
                wanted = [expected[key][name] for name in (["cost"] if len(figures) == 1 else _ROUNDED)]
                off = max(abs(one - other) for one, other in zip(figures, wanted, strict=True))
                assert off < 1, f"seed {seed}: {key}"


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_what_does_not_fit_is_empty_in_the_same_way_however_events_came(tmp_path: Path, method: str) -> None:
    """Sums beyond 63 bits, and holdings: all of it was bought on one day and sold, in part late, on the next."""
    much = 2**60
    kinds = ("buy", "sell") * 9
    entered = [
        ev.TransactionEntered(
            user=ME,
            transaction_type=kind,
            occurred_at_us=START_US + (number % 2) * 24 * HOUR_US + (17 - number) % 5,
            asset="TON",
            quantity=much,
            asset_change=much if kind == "buy" else -much,
            currency="USD",
            price=1,
            price_decimals=2,
            total=much,
            currency_change=-much if kind == "buy" else much,
        )
        for number, kind in enumerate(kinds)
    ]
    wanted: list[ev.Event] = [ev.CostMethodChanged(ME, method), *entered]
    events = [
        ev.Entry(number, START_US + 90 * HOUR_US, "cause", None, event, ME, number, 0, None, None, None)
        for number, event in enumerate(wanted, start=1)
    ]
    with file_of(events, tmp_path / "whole.db") as file:
        expected = found(file)
        columns = "bought_quantity, sold_value, cost, trades"
        assert file.execute(f"SELECT {columns} FROM trading_statistics").fetchall() == [(None, None, None, 18)]
        assert file.execute("SELECT quantity FROM holdings_by_day ORDER BY day").fetchall() == [(None,), (0,)]
    for at_once in (1, 5):
        with file_of(events, tmp_path / "slices.db", slices=Random(3), at_once=at_once) as file:
            assert found(file) == expected


def test_a_sale_before_it_was_bought_is_settled_with_the_next_that_comes(tmp_path: Path) -> None:
    """Five sold for 50.00; then ten come for 80.00, of which five are gone: 10.00 are earned, on the day on which these came."""
    sold = ev.TransactionEntered(ME, "sell", START_US, "VCS", 5, -5, "USD", 1_000, 2, 5_000, 0, 5_000)
    bought = ev.TransactionEntered(ME, "buy", START_US + 24 * HOUR_US, "VCS", 10, 10, "USD", 800, 2, 8_000, 0, -8_000)
    events = [
        ev.Entry(number, START_US + 24 * HOUR_US, "cause", None, event, ME, number, 0, None, None, None)
        for number, event in enumerate((sold, bought), start=1)
    ]
    with file_of(events, tmp_path / "file.db") as file:
        rows = file.execute("SELECT realised_profit, cost, best_trade FROM trading_statistics_by_day").fetchall()
        assert rows == [(5_000, 0, 5_000), (-4_000, 4_000, None)]


def _entries(*wanted: ev.Event) -> list[ev.Entry]:
    return [
        ev.Entry(number, START_US + 90 * HOUR_US, "cause", None, event, ME, number, 0, None, None, None)
        for number, event in enumerate(wanted, start=1)
    ]


def test_of_two_that_happened_at_one_moment_the_one_entered_first_is_counted_first(tmp_path: Path) -> None:
    """Though it was settled last: the older lot is the one that is sold."""
    bought = [ev.TransactionEntered(ME, "buy", START_US, "VCS", 1, 1, "USD", 1, 2, cost, 0, -cost) for cost in (7, 9)]
    pending = ev.TransactionEntered(ME, "buy", START_US, "VCS", 1, 1, "USD", 1, 2, 5, 0, -5, status="pending")
    settled = ev.TransactionUpdated(ME, 2, "settled", "VCS", 1, "USD", -5)
    with file_of(
        _entries(ev.CostMethodChanged(ME, "fifo"), pending, *bought, settled),
        tmp_path / "file.db",
        slices=Random(1),
        at_once=1,
    ) as file:
        assert [cost for (cost,) in file.execute("SELECT cost FROM cost_lots ORDER BY transaction_id")] == [5, 7, 9]
        assert file.execute("SELECT last_transaction_id FROM holdings_by_day").fetchall() == [(4,)]
        assert found(file) == recomputed(file)


def test_a_day_whose_holdings_do_not_fit_is_no_place_to_go_on_from(tmp_path: Path) -> None:
    """What is late then is counted from the beginning: 2^63 on the first day, on the last nothing but the one that was paid."""
    much, day = 2**60, 24 * HOUR_US
    moves = [
        ev.TransactionEntered(
            ME,
            kind,
            START_US + day * (kind == "correction_out"),
            "TON",
            much,
            much if kind == "correction_in" else -much,
        )
        for kind in ("correction_in", "correction_out") * 8
    ]
    paid = ev.TransactionEntered(ME, "buy", START_US + 3 * day, "TON", 1, 1, "USD", 1, 2, 5, 0, -5)
    late = ev.TransactionEntered(ME, "buy", START_US + day + 1, "TON", 1, 1, "USD", 1, 2, 5, 0, -5)
    events = _entries(*moves, paid, late)
    with file_of(events, tmp_path / "whole.db") as file:
        expected = found(file)
        holdings = file.execute("SELECT quantity FROM holdings_by_day ORDER BY day").fetchall()
        assert holdings == [(None,), (1,), (2,)]
    with file_of(events, tmp_path / "slices.db", slices=Random(3), at_once=1) as file:
        assert found(file) == expected


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_what_is_sold_and_what_goes_elsewhere_in_turn_do_not_take_each_others_halves(
    tmp_path: Path, method: str
) -> None:
    """A thousand have cost half a unit each; 250 that were sold have cost 125, and so have 250 that went."""
    bought = ev.TransactionEntered(ME, "buy", START_US, "VCS", 1_000, 1_000, "USD", 1, 2, 500, 0, -500)
    sold = ev.TransactionEntered(ME, "sell", START_US, "VCS", 1, -1, "USD", 2, 2, 2, 0, 2)
    gone = ev.TransactionEntered(ME, "transfer_out", START_US, "VCS", 1, -1)
    events = _entries(ev.CostMethodChanged(ME, method), bought, *[sold, gone] * 250)
    with file_of(events, tmp_path / "file.db", slices=Random(1), at_once=20) as file:
        columns = "realised_profit, cost_moved_out, cost, cost_part, best_trade, worst_trade"
        told = file.execute(f"SELECT {columns} FROM trading_statistics").fetchall()
        assert told == [(500 - 125, 125, 250, 0, 2, 1)]
        _check(file)
