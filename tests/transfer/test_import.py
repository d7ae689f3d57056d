"""Imports: a round trip gives equal content, history from elsewhere is kept apart from ours, and it is all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import InvalidInput, NotAllTaken, NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.journal.log import FILE_NAME
from credit_trading.progress import Progress
from credit_trading.transfer.importing import Imported
from credit_trading.transfer.schema import Limits
from credit_trading.users.tables.statistics_tables import FIGURES
from tests.floor import CASH, CREDIT, SYMBOL, Floor, opened, rows_of, shared_content
from tests.transfer.archives import Row, content, csv_rows, deposit, exported, lines, packed, rows, trade
from tests.users.flow import HOURS, USERS, RandomFlow

Reopen = Callable[..., Exchange]

KEPT = ("users", "assets", "instruments", "balances", "transactions")
"""What is the same after a round trip, if all transactions are settled; orders are not taken over."""


def bust(**more: Any) -> Row:
    """Of `trade()`."""
    return trade(**{"reference": "OLD-3", "transaction_type": "buy_busted", "fee": "-0.02"} | more)


def imported(floor: Floor, tmp_path: Path, *values: Row, **more: Any) -> Imported:
    """One file of transactions."""
    path = tmp_path / "history.jsonl"
    path.write_bytes(lines(*values))
    return floor.admin.transfer.import_(path, **more)


def settled(transactions: list[Row]) -> list[Row]:
    return [row for row in transactions if row["status"] == "settled"]


def reckoning_of(floor: Floor, user: str) -> list[list[tuple[Any, ...]]]:
    """All that the user's statistics know, but for what they say of orders."""
    floor.user(user).transactions.calculate_trading_statistics()
    figures = ", ".join(FIGURES[: FIGURES.index("orders_placed")])
    told_of = "trades OR bought_quantity OR sold_quantity OR cost_moved_in OR cost_moved_out OR cost IS NOT NULL"
    return [
        rows_of(floor.path(user), sql)
        for sql in (
            f"SELECT credit_type, currency, cost, cost_part, {figures} FROM trading_statistics",
            f"SELECT credit_type, currency, day, cost, cost_part, {figures} FROM trading_statistics_by_day WHERE {told_of}",
            "SELECT asset, day, quantity, last_date FROM holdings_by_day",
            "SELECT asset, acquired_at, quantity, currency, cost, cost_part FROM cost_lots",
        )
    ]


def told(result: Imported) -> list[tuple[int | None, str | None, str]]:
    assert not result.done or result.problems == []
    return [(one.line, one.field, one.problem) for one in result.problems]


def everything(floor: Floor) -> tuple[object, ...]:
    users = [one.user_id for one in floor.admin.databases.list_trading_databases()]
    return (
        floor.exchange.state_digest(),
        floor.admin.journal_head(),
        [shared_content(floor.path(user)) for user in users],
        sorted(path.name for path in floor.exchange.home.glob("*.db")),
    )


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3))])
def test_a_round_trip_gives_equal_content(home: Path, empty: Floor, tmp_path: Path, seed: int, is_long: bool) -> None:
    """Trades, fees, rebates, busts, deals, fills from outside, corrections, a sweep, remarks: whatever happened, what is settled is equal,
    and so is what it comes to. What is not settled stays where it is.
    """
    clock = ManualClock()
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "cat", "dan")
        floor.admin.instruments.set_schedule(SYMBOL, hours=HOURS, time_zone="UTC")
        floor.admin.instruments.set_rules(SYMBOL, min_value="1.00", max_open_orders=50)
        fee = deposit(reference="OLD-4", transaction_type="fee", quantity="0.01", note="=1", counterparty="Old Bank")
        assert told(imported(floor, tmp_path, deposit(), trade(), bust(), fee)) == []
        floor.user("ann").transactions.set_cost_method("fifo")
        RandomFlow(floor, clock, seed=seed).run(600 if is_long else 150)
        floor.admin.databases.delete_trading_database("dan", sweep_to="ann")
        files = exported(floor, tmp_path / "one.zip")
        reckoned = [reckoning_of(floor, user) for user in USERS]
    empty.exchange._sequencer.clock.set(clock.now_us())  # type: ignore[attr-defined]
    result = empty.admin.transfer.import_(tmp_path / "one.zip")
    assert told(result) == []
    assert (result.users, result.assets, result.instruments) == (3, 2, 1)
    moved = settled(rows(files, "transactions"))
    assert result.transactions == len(moved) > 50
    assert result.unsettled == len(rows(files, "transactions")) - len(moved) > 0
    assert result.open_orders == sum(row["closed_at"] is None for row in rows(files, "orders"))
    again = exported(empty, tmp_path / "two.zip")
    for table in KEPT[:-1]:
        assert again[f"{table}.jsonl"] == files[f"{table}.jsonl"]
        assert again[f"{table}.csv"] == files[f"{table}.csv"]
    assert rows(again, "transactions") == moved
    assert csv_rows(again, "transactions") == settled(csv_rows(files, "transactions"))
    assert [reckoning_of(empty, user) for user in USERS] == reckoned
    assert empty.findings() == []
    repeated = empty.admin.transfer.import_(tmp_path / "one.zip")
    assert (repeated.transactions, repeated.duplicates, told(repeated)) == (0, result.transactions, [])


def test_the_csv_half_of_an_export_leads_to_the_same(floor: Floor, empty: Floor, tmp_path: Path) -> None:
    """Apostrophes and all."""
    floor.admin.accounts.deposit("ann", CASH, "1.00", note="=1+1")
    floor.admin.accounts.deposit("ann", CASH, "1.00", note='\'it, "said"\nthe cat')
    files = exported(floor, tmp_path / "one.zip")
    half = {name: data for name, data in files.items() if name.endswith(".csv")}
    assert told(empty.admin.transfer.import_(packed(tmp_path / "half.zip", half))) == []
    again = exported(empty, tmp_path / "two.zip")
    assert [again[f"{table}.jsonl"] for table in KEPT] == [files[f"{table}.jsonl"] for table in KEPT]


def test_our_own_export_brings_nothing_new(floor: Floor, tmp_path: Path) -> None:
    """It names our own transactions; one that says something else of them is refused, by line and field."""
    floor.place("ann", "sell", 4, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    files = exported(floor, tmp_path / "own.zip")
    before = everything(floor)
    result = floor.admin.transfer.import_(tmp_path / "own.zip")
    assert (result.transactions, result.duplicates, told(result)) == (0, 8, [])
    changed = files["transactions.jsonl"].replace(b'"role":"taker"', b'"role":"maker"')
    path = packed(tmp_path / "changed.zip", {"transactions.jsonl": changed})
    ((line, field, problem),) = told(floor.admin.transfer.import_(path))
    assert (line, field) == (6, "role")
    assert problem.endswith("is here already, with taker")
    ours = rows(files, "transactions")[0]["reference"].split("-")[0]
    assert told(imported(floor, tmp_path, deposit(reference=f"{ours}-9999"))) == [
        (1, "reference", "it names a transaction of this exchange, and the user has none of that number")
    ]
    assert everything(floor) == before


def test_history_from_elsewhere_enters_the_users_file(floor: Floor, tmp_path: Path) -> None:
    """At the time at which it happened, kept apart from when it was entered; it counts as a trade, and moves no price."""
    other = trade(counterparty="Old Bank Ltd", note="from the old system")
    result = imported(floor, tmp_path, deposit(), other, deposit(user_id="bob", counterparty="ann"))
    assert (told(result), result.transactions, result.done) == ([], 3, True)
    *_, bought, deposited = floor.user("ann").transactions.get_transaction_history()
    assert deposited.transaction_date == "2024-05-01T12:00:00.000000Z"
    assert deposited.recorded_at == "2026-01-01T00:00:00.000000Z"
    assert (deposited.reference, bought.reference, bought.trade_reference) == ("OLD-1", "OLD-2", "T-1")
    assert (bought.counterparty, bought.note) == ("Old Bank Ltd", "from the old system")
    assert floor.user("bob").transactions.get_transaction_history()[-1].counterparty == "ann"
    assert (floor.balance("ann"), floor.balance("ann", CREDIT)) == ("999999.98", "100004")
    (statistics,) = floor.user("ann").transactions.calculate_trading_statistics()
    assert (statistics.trades, statistics.bought_quantity, statistics.fees) == (1, "4", "0.02")
    assert statistics.last_trade_at == "2024-05-01T12:00:00.000000Z"
    assert floor.admin.instruments.show_instrument(SYMBOL).last_price is None
    assert floor.admin.market_data.get_trades(SYMBOL).trades == []
    assert floor.findings() == []


def test_who_the_other_side_was_elsewhere_is_in_no_event(floor: Floor, tmp_path: Path) -> None:
    """Personal: it stands in the notes, which can be erased, and a user's number in the journal is not."""
    imported(floor, tmp_path, deposit(counterparty="Mr Smith"), deposit(reference="r2", counterparty="bob"))
    path = floor.exchange.home / FILE_NAME
    payloads = [row[0] for row in rows_of(path, "SELECT payload FROM journal WHERE kind = 'transaction_recorded'")]
    assert [("Smith" in one, '"counterparty":2' in one) for one in payloads] == [(False, False), (False, True)]
    notes = rows_of(path, "SELECT counterparty FROM command_notes ORDER BY sequence DESC LIMIT 2")
    assert notes == [(None,), ("Mr Smith",)]


def test_a_trade_that_is_older_does_not_move_the_last_one_back(floor: Floor, tmp_path: Path) -> None:
    floor.place("ann", "sell", 1, "5.00")
    floor.place("bob", "buy", 1, "5.00")
    imported(floor, tmp_path, trade())
    (statistics,) = floor.user("ann").transactions.calculate_trading_statistics()
    assert (statistics.trades, statistics.last_trade_at) == (2, "2026-01-01T00:00:00.000000Z")


def test_a_bust_from_elsewhere_takes_back_its_trade_and_the_count(floor: Floor, tmp_path: Path) -> None:
    assert told(imported(floor, tmp_path, trade(), bust())) == []
    assert (floor.balance("ann"), floor.balance("ann", CREDIT)) == ("1000000.00", "100000")
    assert floor.user("ann").transactions.calculate_trading_statistics()[0].trades == 0
    assert floor.findings() == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"trade_reference": "T-9"}, "no trade of that reference stands before, here or in the file"),
        ({"trade_reference": None}, "it names the trade that is taken back"),
        ({"quantity": "2", "total_value": "5.00"}, "the trade of that reference had other terms"),
        ({"fee": "0.02"}, "the trade of that reference had other terms"),
        ({"price_per_credit": "2.51", "total_value": "10.04"}, "the trade of that reference had other terms"),
    ],
)
def test_a_bust_needs_its_trade(still: Floor, tmp_path: Path, changes: Row, problem: str) -> None:
    assert told(imported(still, tmp_path, trade(), bust(**changes))) == [(2, "trade_reference", problem)]


def test_a_history_in_several_files_is_held_to_the_rules_of_one(floor: Floor, tmp_path: Path) -> None:
    """Of trades by the same reference: a bust may come later than its trade; nothing is taken back twice, and no other trade has it."""
    taken = (1, "trade_reference", "the trade of that reference was taken back already")
    assert told(imported(floor, tmp_path, bust())) == [
        (1, "trade_reference", "no trade of that reference stands before, here or in the file")
    ]
    assert imported(floor, tmp_path, deposit(), trade()).transactions == 2
    assert told(imported(floor, tmp_path, trade(reference="OLD-9"))) == [
        (1, "trade_reference", "another trade of the user's has it")
    ]
    assert told(imported(floor, tmp_path, bust(quantity="2", total_value="5.00"))) == [
        (1, "trade_reference", "the trade of that reference had other terms")
    ]
    assert told(imported(floor, tmp_path, bust(), bust(reference="OLD-4"))) == [(2, *taken[1:])]
    result = imported(floor, tmp_path, trade(), bust(price_per_credit="2.500"))
    assert (result.transactions, result.duplicates, told(result)) == (1, 1, [])
    before = everything(floor)
    assert told(imported(floor, tmp_path, bust(reference="OLD-4"))) == [taken]
    assert told(imported(floor, tmp_path, bust(reference="OLD-4"), trade(), deposit())) == [taken]
    assert told(imported(floor, tmp_path, trade(reference="OLD-9"))) == [
        (1, "trade_reference", "another trade of the user's has it")
    ]
    repeated = imported(floor, tmp_path, deposit(), trade(), bust(price_per_credit="2.500"))
    assert (repeated.transactions, repeated.duplicates, told(repeated)) == (0, 3, [])
    assert everything(floor) == before
    assert told(imported(floor, tmp_path, trade(user_id="bob"))) == []
    assert (floor.balance("ann"), floor.balance("ann", CREDIT)) == ("1000010.00", "100000")
    assert floor.findings() == []


def test_a_bust_is_paid_back_in_the_currency_of_its_trade(floor: Floor, tmp_path: Path) -> None:
    """In the same file and in a later one."""
    floor.admin.assets.add_asset("EUR", decimals=2)
    other = (1, "trade_reference", "the trade of that reference had other terms")
    assert told(imported(floor, tmp_path, trade(), bust(currency="EUR"))) == [(2, *other[1:])]
    assert imported(floor, tmp_path, trade()).done
    assert told(imported(floor, tmp_path, bust(currency="EUR"))) == [other]


def test_trades_of_this_exchange_are_not_taken_back_by_a_file(floor: Floor, tmp_path: Path) -> None:
    """The other side would keep what it got; nor may a trade of elsewhere have the name of one that is or will be here."""
    floor.place("ann", "sell", 4, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    *_, bought = rows(exported(floor, tmp_path / "bob.zip", "bob"), "transactions")
    back = bought | {"reference": "x", "transaction_type": "buy_busted", "fee": f"-{bought['fee']}"}
    before = everything(floor)
    problem = "it names a trade of this exchange; take that back here: credit-trading trades bust"
    assert told(imported(floor, tmp_path, back)) == [(1, "trade_reference", f"{problem} 1")]
    future = bought["trade_reference"].removesuffix("1") + "2"
    assert told(imported(floor, tmp_path, trade(trade_reference=future))) == [(1, "trade_reference", f"{problem} 2")]
    assert everything(floor) == before
    floor.admin.trading.bust_trade(1)
    floor.admin.transfer.export(tmp_path / "all.zip")
    result = floor.admin.transfer.import_(tmp_path / "all.zip")
    assert (result.transactions, told(result)) == (0, [])


@pytest.mark.parametrize("meanwhile", ["OLD-3", "OLD-4"])
def test_of_two_imports_at_once_one_takes_a_trade_back(
    floor: Floor, reopen: Reopen, tmp_path: Path, meanwhile: str
) -> None:
    """Another process records the same bust, or another one of the same trade, after this one has looked at the user's history."""
    assert imported(floor, tmp_path, trade()).done
    other = Floor(reopen())
    (tmp_path / "other").mkdir()
    results: list[Imported] = []

    def between(*_: int) -> None:
        other.admin.accounts.deposit("ann", CASH, "1.00")
        if not results:
            results.append(imported(other, tmp_path / "other", bust(reference=meanwhile)))

    result = imported(floor, tmp_path, bust(), progress=between)
    assert results[0].done
    if meanwhile == "OLD-3":
        assert (told(result), result.transactions, result.duplicates) == ([], 0, 1)
    else:
        assert told(result) == [(1, "trade_reference", "the trade of that reference was taken back already")]
    assert floor.balance("ann", CREDIT) == "100000"
    assert floor.findings() == []


def test_what_is_here_already_is_passed_over_and_other_content_is_refused(floor: Floor, tmp_path: Path) -> None:
    """For ever, by the user's own reference; another user's is another one. The same amount may be spelled otherwise."""
    assert imported(floor, tmp_path, deposit(), trade()).transactions == 2
    same = deposit(quantity="10", transaction_date="2024-05-01T14:00:00.000+02:00")
    result = imported(floor, tmp_path, same, deposit(user_id="bob"), deposit(reference="OLD-3"))
    assert (result.transactions, result.duplicates) == (2, 1)
    differing = deposit(quantity="10.01", transaction_date="2024-05-01T12:00:01Z", note="x")
    assert told(imported(floor, tmp_path, differing)) == [
        (1, "transaction_date", "OLD-1 is here already, with 2024-05-01T12:00:00.000000Z"),
        (1, "quantity", "OLD-1 is here already, with 10.00"),
        (1, "note", "OLD-1 is here already, with nothing"),
    ]


def test_a_reference_is_kept_for_ever(home: Path, tmp_path: Path) -> None:
    """Also where the replica remembers two commands only: the journal's index knows it, whatever the user's file says."""
    with opened(home, settings=Settings(remember_commands=2)) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        assert imported(floor, tmp_path, deposit()).done
        floor.admin.accounts.deposit("bob", CASH, "1.00")
        floor.admin.accounts.deposit("bob", CASH, "1.00")
        command = cmd.RecordTransaction(1, "deposit", "OLD-1", 1_714_564_800_000_000, CASH, 1000)
        sequencer = exchange._sequencer
        again = sequencer.prepare(command, scope="admin", command_id="user1/record/OLD-1")
        assert [one.repeated for one in sequencer.submit_together([again])] == [True]
        other = sequencer.prepare(
            msgspec.structs.replace(command, quantity=1), scope="admin", command_id=again.request.id
        )
        with pytest.raises(NotAllTaken, match="used before for something else"):
            sequencer.submit_together([other])
        assert floor.balance("ann") == "1000010.00"


def test_all_users_histories_are_entered_in_the_order_of_time(floor: Floor, tmp_path: Path) -> None:
    """Of one user in the order of the file, whatever the dates say: that is how they were entered there."""
    dates = [("ann", "05"), ("ann", "03"), ("ann", "07"), ("bob", "04"), ("bob", "06")]
    rows = [
        deposit(user_id=user, reference=f"r{day}", transaction_date=f"2024-05-{day}T12:00:00Z") for user, day in dates
    ]
    assert imported(floor, tmp_path, *rows).done
    entered = [entry.data["reference"] for entry in floor.admin.journal() if entry.kind == "transaction_recorded"]
    assert entered == ["r04", "r05", "r03", "r06", "r07"]


def test_every_problem_is_told_and_nothing_is_changed(floor: Floor, tmp_path: Path) -> None:
    """Of every line and field, not only the first."""
    before = everything(floor)
    result = imported(
        floor,
        tmp_path,
        deposit(),
        deposit(reference="a b", quantity="1e5"),
        deposit(user_id="eve", reference="x"),
        deposit(reference="OLD-1"),
        trade(symbol="GOLD/USD", reference="y"),
    )
    assert told(result) == [
        (2, "quantity", "1e5: not a plain decimal number"),
        (2, "reference", "a b: an id is 1 to 64 ASCII letters, digits, '.', '_', ':' or '-'"),
        (3, "user_id", "eve: no such user, here or in the file"),
        (4, "reference", "OLD-1 of ann stands there twice"),
        (5, "symbol", "GOLD/USD: no such instrument, here or in the file"),
    ]
    assert not result.done
    assert everything(floor) == before


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"quantity": "1_000"}, "quantity", "1_000: not a plain decimal number"),
        ({"quantity": "1,000"}, "quantity", "1,000: not a plain decimal number"),
        ({"quantity": "NaN"}, "quantity", "NaN: not a plain decimal number"),
        ({"quantity": "-1"}, "quantity", "-1: negative"),
        ({"quantity": "0"}, "quantity", "0: zero is not an amount to move"),
        ({"quantity": "1.001"}, "quantity", "1.001: finer than the smallest unit, 0.01"),
        ({"quantity": "9" * 40}, "quantity", "too large"),
        ({"quantity": None}, "quantity", "it is missing"),
        ({"quantity": 10}, "quantity", "int is not text; amounts stand in quotes"),
        ({"color": "red"}, "color", "no such field"),
        ({"credit_type": "GOLD"}, "credit_type", "GOLD: no such asset, here or in the file"),
        ({"transaction_type": "gift"}, "transaction_type", "gift: not one of deposit"),
        ({"transaction_date": "2024-05-01"}, "transaction_date", "not a time such as"),
        ({"transaction_date": "2024-13-01T00:00:00Z"}, "transaction_date", "month must be in 1..12"),
        ({"transaction_date": "2099-01-01T00:00:00Z"}, "transaction_date", "it lies in the future"),
        ({"transaction_date": "1969-12-31T23:59:59Z"}, "transaction_date", "it lies in the future, or before 1970"),
        ({"reference": "ann@example.com"}, "reference", "an id is"),
        ({"note": "x" * 1001}, "note", "longer than 1000 characters"),
        ({"note": "\0"}, "note", "it holds a character that cannot be stored"),
        ({"price_per_credit": "1.00"}, "currency", "a deposit with a price needs it"),
        ({"fee": "0.00"}, "fee", "a deposit has none: leave it empty"),
        ({"transaction_type": "fee", "price_per_credit": "1.00"}, "price_per_credit", "a fee has none: leave it empty"),
        ({"status": "done"}, "status", "done: not one of pending, settled, cancelled, failed"),
        ({"expires_at": "2024-05-02T12:00:00Z"}, "expires_at", "a settled transaction has none: leave it empty"),
        ({"status": "pending", "expires_at": "soon"}, "expires_at", "soon: not a time such as"),
        ({"status": "pending", "quantity": "x"}, "quantity", "x: not a plain decimal number"),
        ({"recorded_at": "2024-05-01T11:59:59Z"}, "recorded_at", "it was entered before it happened"),
        ({"recorded_at": "2099-01-01T00:00:00Z"}, "recorded_at", "it lies in the future"),
        ({"counterparty": "ann"}, "counterparty", "nobody deals with themselves"),
        ({"transaction_type": "buy"}, "price_per_credit", "a buy needs it"),
    ],
)
def test_each_wrong_value_is_one_line(still: Floor, tmp_path: Path, changes: Row, field: str, problem: str) -> None:
    """Which field, and the rule it breaks."""
    row = deposit() | changes
    found = {named: words for _, named, words in told(imported(still, tmp_path, row))}
    assert problem in found[field]


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"total_value": "10.01"}, "total_value", "10.01, where price times quantity is 10.00"),
        ({"price_per_credit": "0"}, "price_per_credit", "zero is not a price"),
        ({"currency": CREDIT}, "currency", "an asset cannot be paid for with itself"),
        (
            {"symbol": SYMBOL, "credit_type": CASH, "currency": CREDIT, "fee": "0", "total_value": "10"},
            "symbol",
            "is VCS",
        ),
        ({"fee": "0.001"}, "fee", "finer than the smallest unit"),
        ({"role": "both"}, "role", "both: not one of maker, taker"),
        ({"quantity": "500000", "total_value": "1250000.00"}, "currency", "the available balance does not cover it"),
    ],
)
def test_a_trade_must_agree_with_itself(still: Floor, tmp_path: Path, changes: Row, field: str, problem: str) -> None:
    found = {named: words for _, named, words in told(imported(still, tmp_path, trade(**changes)))}
    assert problem in found[field]


def test_a_total_that_was_rounded_elsewhere_is_taken_as_it_is(floor: Floor, tmp_path: Path) -> None:
    """4 at 2.5049 are 10.0196: ten dollars and one or two cents."""
    for number, total in enumerate(("10.01", "10.02")):
        row = trade(price_per_credit="2.5049", total_value=total, reference=f"r{number}", trade_reference=None)
        assert told(imported(floor, tmp_path, row)) == []
    assert floor.balance("ann") == "999979.93"


def test_funds_are_looked_at_in_the_order_in_which_things_happened(floor: Floor, tmp_path: Path) -> None:
    """Of one user in the order of the file; what is held by an open order cannot be given. Each that fails is told."""
    floor.place("ann", "sell", 100_000, "9.00")
    sold = trade(transaction_type="sell", reference="s", trade_reference=None)
    late = deposit(credit_type=CREDIT, quantity="4", reference="late")
    assert told(imported(floor, tmp_path, sold, late)) == [(1, "quantity", "the available balance does not cover it")]
    assert told(imported(floor, tmp_path, late, sold)) == []


def test_balances_must_be_what_the_transactions_add_up_to(empty: Floor, floor: Floor, tmp_path: Path) -> None:
    """A line that is wrong, one that is missing, one too many."""
    files = exported(floor, tmp_path / "one.zip")
    first, second, *others = rows(files, "balances")
    files["balances.jsonl"] = lines(first | {"posted": "7.00"}, *others, others[-1])
    problems = told(empty.admin.transfer.import_(packed(tmp_path / "two.zip", files)))
    assert problems == [
        (1, "posted", "7.00, and the transactions add up to 1000000.00"),
        (6, "asset", f"{others[-1]['asset']} of cat stands there twice"),
        (None, None, f"ann {second['asset']}: missing; the transactions add up to 100000"),
    ]
    assert empty.exchange.sequence == 1


def test_what_is_there_must_agree(floor: Floor, empty: Floor, tmp_path: Path) -> None:
    """Other e-mail, other decimals, another grid, an id that differs in case or was given out before."""
    files = exported(floor, tmp_path / "one.zip")
    admin = empty.admin
    admin.assets.add_asset(CASH, decimals=2)
    admin.assets.add_asset(CREDIT, decimals=0)
    admin.instruments.add_instrument(SYMBOL, base=CREDIT, quote=CASH, tick="0.05", lot="1")
    admin.databases.create_trading_database("ann", "another@example.com")
    admin.databases.create_trading_database("BOB", "bob@example.com")
    admin.databases.create_trading_database("cat", "cat@example.com")
    admin.databases.delete_trading_database("cat")
    result = admin.transfer.import_(tmp_path / "one.zip")
    assert [(one.file, one.line, one.field) for one in result.problems][:4] == [
        ("instruments.jsonl", 1, "symbol"),
        ("users.jsonl", 1, "email"),
        ("users.jsonl", 2, "user_id"),
        ("users.jsonl", 3, "user_id"),
    ]
    assert "another than ann has here" in result.problems[1].problem
    files["assets.jsonl"] = files["assets.jsonl"].replace(b'"2"', b'"3"')
    (first, *_) = admin.transfer.import_(packed(tmp_path / "two.zip", files)).problems
    assert (first.file, first.field, first.problem) == ("assets.jsonl", "decimals", "3, and here USD has 2")


def test_an_asset_that_is_there_keeps_its_project(floor: Floor, empty: Floor, tmp_path: Path) -> None:
    """An export tells of none, so who wants them adds the assets first."""
    exported(floor, tmp_path / "one.zip")
    empty.admin.assets.add_asset(CREDIT, decimals=0, project_id="42")
    result = empty.admin.transfer.import_(tmp_path / "one.zip")
    assert (result.done, result.assets, told(result)) == (True, 1, [])
    assert {one.project_id for one in empty.user("ann").transactions.get_transaction_history(credit_type=CREDIT)} == {
        "42"
    }
    assert empty.findings() == []


def test_a_dry_run_changes_nothing(floor: Floor, tmp_path: Path) -> None:
    before = everything(floor)
    result = imported(floor, tmp_path, deposit(), trade(), dry_run=True)
    assert (result.transactions, result.done, told(result)) == (2, False, [])
    assert everything(floor) == before


def test_a_refusal_by_the_exchange_itself_leaves_nothing(
    floor: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between check and commit ann spends what the third line needs: line and reason are told, and nobody has anything."""
    submit = floor.exchange._sequencer.submit_together

    def late(*args: Any, **more: Any) -> Any:
        floor.admin.accounts.withdraw("ann", CASH, "1000000.00")
        return submit(*args, **more)

    monkeypatch.setattr(floor.exchange._sequencer, "submit_together", late)
    rows = (deposit(user_id="bob"), deposit(), trade(reference="t", total_value="100.00", price_per_credit="25"))
    result = imported(floor, tmp_path, *rows)
    assert told(result) == [
        (3, None, "refused meanwhile: rejected (insufficient_funds): the available balance does not cover it")
    ]
    assert (floor.balance("bob"), floor.balance("ann")) == ("1000000.00", "0")
    assert floor.findings() == []


def test_users_who_come_meanwhile_lead_to_a_second_look(
    floor: Floor, empty: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers of new users are planned; somebody else takes one of them first."""
    floor.admin.accounts.deposit("ann", CASH, "1.00", note="ann's")
    exported(floor, tmp_path / "one.zip")
    submit = empty.exchange._sequencer.submit_together
    newcomers = iter(["eve"])

    def late(*args: Any, **more: Any) -> Any:
        for newcomer in newcomers:
            empty.admin.databases.create_trading_database(newcomer, f"{newcomer}@example.com")
        return submit(*args, **more)

    monkeypatch.setattr(empty.exchange._sequencer, "submit_together", late)
    assert empty.admin.transfer.import_(tmp_path / "one.zip").users == 3
    assert [empty.balance(user) for user in ("ann", "bob", "eve")] == ["1000001.00", "1000000.00", "0"]
    assert empty.findings() == []


def test_an_import_that_was_killed_after_its_commit_is_recognised_when_repeated(floor: Floor, tmp_path: Path) -> None:
    """Files that were not brought forward are when they are read; the second import finds duplicates only."""
    floor.exchange._projector.bring_forward = lambda *_, **__: iter(())  # type: ignore[method-assign]
    assert imported(floor, tmp_path, deposit(), trade()).transactions == 2
    assert imported(floor, tmp_path, deposit(), trade()).duplicates == 2
    assert floor.findings() == []


def test_more_than_one_commit_can_take_is_refused(floor: Floor, tmp_path: Path) -> None:
    """Told at the line where it is too much."""
    rows = [deposit(reference=f"r{number}") for number in range(4)]
    result = imported(floor, tmp_path, *rows, limits=Limits(transactions=3))
    assert [problem for _, _, problem in told(result)] == ["more than 3 rows; split the history by time"]
    assert imported(floor, tmp_path, *rows[:3], limits=Limits(transactions=3)).transactions == 3


def test_of_thousands_of_problems_the_first_are_told(still: Floor, tmp_path: Path) -> None:
    rows = [deposit(reference=f"r{number}", quantity="x") for number in range(9)]
    result = imported(still, tmp_path, *rows, limits=Limits(problems=5))
    assert (len(result.problems), result.problems_cut_off) == (5, True)


def test_a_path_that_leads_nowhere_is_told(still: Floor, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"not a \.zip, \.jsonl or \.csv file"):
        still.admin.transfer.import_(tmp_path / "x.txt")
    with pytest.raises(Exception, match="there is no such file"):
        still.admin.transfer.import_(tmp_path / "x.zip")


def test_a_users_own_export_founds_that_user_elsewhere(floor: Floor, empty: Floor, tmp_path: Path) -> None:
    """Who the others were stays as text, since nobody of that name is there."""
    floor.place("ann", "sell", 4, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    exported(floor, tmp_path / "ann.zip", "ann")
    steps: list[tuple[int, int]] = []
    watch: Progress = lambda *at: steps.append(at)  # noqa: E731 - what is told is looked at
    assert told(empty.admin.transfer.import_(tmp_path / "ann.zip", progress=watch)) == []
    assert steps[-1] == (1, 1)
    exported(empty, tmp_path / "again.zip", "ann")
    one, two = content(tmp_path / "ann.zip"), content(tmp_path / "again.zip")
    assert [one[f"{table}.csv"] for table in KEPT] == [two[f"{table}.csv"] for table in KEPT]
    with pytest.raises(NotFound):
        empty.user("bob")
