"""The file as a product: what anyone finds who opens it with any SQLite tool."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from credit_trading.store.sqlite import Connection, connect
from credit_trading.users.tables.schema import SHARED_TABLES, template
from tests.floor import Floor, rows_of

TABLES = [*SHARED_TABLES, "column_descriptions"]
COLUMNS_THAT_STAY = {
    "trading_transactions": {
        *["transaction_type", "credit_type", "quantity", "price_per_credit", "total_value", "transaction_date"],
        "counterparty",
    },
    "active_orders": {
        "credit_type",
        "quantity",
        "price_per_credit",
        "order_status",
        "filled_quantity",
        "remaining_quantity",
    },
    "order_history": {
        "credit_type",
        "quantity",
        "price_per_credit",
        "order_status",
        "filled_quantity",
        "remaining_quantity",
    },
}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Connection]:
    """A file fresh from the template."""
    path = tmp_path / "user.db"
    path.write_bytes(template())
    connection = connect(path, mode="rw")
    yield connection
    connection.close()


def _columns(connection: Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})")]


def test_every_table_is_strict(empty: Connection) -> None:
    """A text in a column of numbers is refused by SQLite itself; and there are no tables but the known ones."""
    strict = {
        row[1]: row[5] for row in empty.execute("PRAGMA table_list") if row[2] == "table" and row[1][:7] != "sqlite_"
    }
    assert strict == dict.fromkeys(TABLES, 1)


def test_every_column_is_described_and_every_description_has_its_column(empty: Connection) -> None:
    """With words for each, and a unit for each number that counts something."""
    columns = {(table, column) for table in TABLES for column in _columns(empty, table)}
    described = {row[:2]: row[2:] for row in empty.execute("SELECT * FROM column_descriptions")}
    assert set(described) == columns
    assert all(description for _, description in described.values())
    for (table, column), (unit, _) in described.items():
        counts = column.endswith(("quantity", "value", "_at", "_date")) or column in (
            "fee",
            "fees",
            "hold",
            "posted",
            "held",
        )
        assert unit or not counts, (table, column)


@pytest.mark.parametrize("table", COLUMNS_THAT_STAY)
def test_the_documented_columns_exist(empty: Connection, table: str) -> None:
    """In the table and in its readable view; hosts have written queries on them."""
    assert set(_columns(empty, table)) >= COLUMNS_THAT_STAY[table]
    assert set(_columns(empty, f"{table}_readable")) >= COLUMNS_THAT_STAY[table]


def _assets(connection: Connection, **decimals: int) -> None:
    connection.executemany("INSERT INTO assets (asset, decimals) VALUES (?, ?)", list(decimals.items()))


@pytest.mark.parametrize("decimals", [0, 1, 2, 3, 8, 18])
@pytest.mark.parametrize(
    "units", [0, 1, 7, 10, 99, 100, 101, 123_456_789, 10**18, 2**62, -1, -7, -100, -123_456_789, -(2**62)]
)
def test_readable_amounts_are_exact(empty: Connection, decimals: int, units: int) -> None:
    """For any decimals and sign, to the last digit: what the view shows is what Decimal computes."""
    _assets(empty, C=3, Q=decimals)
    empty.execute(
        "INSERT INTO trading_transactions (transaction_id, transaction_date, transaction_type, credit_type, quantity,"
        " price_per_credit, price_decimals, total_value, fee, currency, status)"
        " VALUES (1, 0, 'buy', 'C', 5, ?1, ?2, ?1, ?1, 'Q', 'settled')",
        (units, decimals),
    )
    empty.execute("INSERT INTO balances (asset, posted, held) VALUES ('Q', ?, 0)", (units,))
    exact = format(Decimal(units).scaleb(-decimals), f".{decimals}f")
    shown = empty.execute(
        "SELECT price_per_credit, total_value, fee, quantity FROM trading_transactions_readable"
    ).fetchone()
    assert shown == (exact, exact, exact, "0.005")
    assert empty.execute("SELECT posted, held, available FROM balances_readable").fetchone()[::2] == (exact, exact)


@pytest.mark.parametrize(
    "moment_us", [0, 1, 999_999, 1_767_225_600_000_000, 1_767_225_600_123_456, 253_402_300_799_999_999]
)
def test_readable_times_are_exact(empty: Connection, moment_us: int) -> None:
    """ISO 8601 in UTC to the microsecond."""
    from credit_trading.clock import format_time

    _assets(empty, C=0)
    empty.execute(
        "INSERT INTO trading_transactions (transaction_id, transaction_date, transaction_type, credit_type, quantity, fee,"
        " status) VALUES (1, ?, 'deposit', 'C', 5, 0, 'settled')",
        (moment_us,),
    )
    (shown,) = empty.execute("SELECT transaction_date FROM trading_transactions_readable").fetchone()
    assert shown == format_time(moment_us)


@pytest.mark.parametrize(
    ("filled", "quantity", "shown"),
    [
        (0, 3, "0.0"),
        (1, 3, "33.3"),
        (2, 3, "66.6"),
        (999_999, 1_000_000, "99.9"),
        (3, 3, "100.0"),
        (2**61, 2**62, "50.0"),
        (2**62 - 1, 2**62, "99.9"),
    ],
)
def test_percent_filled_is_100_only_when_all_of_it_is(
    empty: Connection, filled: int, quantity: int, shown: str
) -> None:
    """Floored to a tenth."""
    _assets(empty, C=0, Q=2)
    empty.execute(
        "INSERT INTO active_orders VALUES (1, NULL, 'S', 'C', 'Q', 'buy', 'limit', 'GTC', 1, 2, NULL, NULL, 0, 'cancel_newest',"
        " 'internal', 1,"
        " NULL, ?1, ?2, ?1 - ?2, 0, 0, 0, 'new', NULL, 0, 0)",
        (quantity, filled),
    )
    assert empty.execute("SELECT percent_filled FROM active_orders_readable").fetchone() == (shown,)


@pytest.mark.parametrize("table", ["active_orders", "order_history"])
def test_an_orders_stop_price_slice_and_moments_are_readable(empty: Connection, table: str) -> None:
    """In the price's decimals, in the credit's, and as ISO 8601; empty stays empty."""
    _assets(empty, C=3, Q=2)
    for number, values in enumerate([(1234, 5, 1_767_225_600_123_456), (None, None, None)], 1):
        row = dict.fromkeys(_columns(empty, table), 0) | dict.fromkeys(("client_order_id", "expires_at"))
        row |= dict.fromkeys(
            ("symbol", "side", "order_type", "time_in_force", "self_trade", "order_status", "reason"), "x"
        )
        row |= {
            "order_id": number,
            "credit_type": "C",
            "currency": "Q",
            "price_decimals": 4,
            "quantity": 1,
            "post_only": 1,
        }
        row |= dict(zip(("stop_price", "displayed_quantity", "triggered_at"), values, strict=True))
        known = {column: row[column] for column in _columns(empty, table)}
        marks = ", ".join("?" * len(known))
        empty.execute(f"INSERT INTO {table} ({', '.join(known)}) VALUES ({marks})", tuple(known.values()))
    shown = empty.execute(
        f"SELECT stop_price, displayed_quantity, triggered_at, post_only, version FROM {table}_readable ORDER BY order_id"
    ).fetchall()
    assert shown == [("0.1234", "0.005", "2026-01-01T00:00:00.123456Z", 1, 0), (None, None, None, 1, 0)]


def test_views_show_a_rebate_as_a_negative_fee(floor: Floor) -> None:
    """The maker earns 0.01 % of 50.00: less than a cent, rounded for the exchange; of 5,000.00 it is half a dollar."""
    floor.place("ann", "sell", 1000, "5.00")
    floor.place("bob", "buy", 1000, "5.00")
    (shown,) = rows_of(
        floor.path("ann"),
        "SELECT fee, total_value, price_per_credit, quantity FROM trading_transactions_readable WHERE role = 'maker'",
    )
    assert shown == ("-0.50", "5000.00", "5.00", "1000")
    assert rows_of(floor.path("ann"), "SELECT fees FROM trading_statistics_readable") == [("-0.50",)]
    assert rows_of(floor.path("ann"), "SELECT fees FROM order_history_readable") == [("-0.50",)]
    assert rows_of(floor.path("bob"), "SELECT fee FROM trading_transactions_readable WHERE role = 'taker'") == [
        ("12.50",)
    ]


def test_each_table_of_the_users_own_has_a_view_with_all_its_columns(empty: Connection) -> None:
    """But for the number of a price's decimals, which its text shows."""
    for table in (
        "trading_transactions",
        "active_orders",
        "order_history",
        "trading_statistics",
        "balances",
        "audit_trail",
    ):
        assert set(_columns(empty, table)) - {"price_decimals"} <= set(_columns(empty, f"{table}_readable"))
