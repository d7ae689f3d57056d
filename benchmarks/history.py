"""(m) Pages of a long history, as a user asks for them, against as many rows read by their numbers alone.

Always: each page is asked for by turns with the bare read of as many rows: a range of transaction ids about the same place, the same
columns of the same readable view, on a connection of its own to the same file.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from time import perf_counter

import attrs

import credit_trading
from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target, compare
from credit_trading import User
from credit_trading.clock import LATEST_US
from credit_trading.store.sqlite import Connection, connect, immediate
from credit_trading.trading.pages import cursor
from credit_trading.users.tables import words
from credit_trading.users.tables.search import COLUMNS, TransactionFilters

GOAL = Target(kind="at most", ratio=2)
PAGE = 100
DEEP = 0.9
"""Of the history: 9,000 pages of 100 where it has a million rows."""
CREDIT_TYPES = 40
FIRST_US = 1_767_225_600_000_000
USER = 1

_READABLE = f"SELECT {', '.join(COLUMNS)} FROM trading_transactions_readable WHERE transaction_id BETWEEN ? AND ?"
_RAW = "SELECT * FROM trading_transactions WHERE transaction_id BETWEEN ? AND ?"
_INSERT = (
    "INSERT INTO trading_transactions (transaction_id, transaction_date, transaction_type, credit_type, quantity,"
    " price_per_credit, price_decimals, total_value, fee, currency, counterparty, status, symbol, order_id, trade_id, role)"
    " VALUES (?, ?, ?, ?, ?, ?, 2, ?, ?, 'USD', ?, 'settled', ?, ?, ?, 'maker')"
)
_INDICES = (
    "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'trading_transactions' AND type = 'index' AND sql IS NOT NULL"
)


def history(counts: Counts, folder: Path) -> list[Figure]:
    """The first page and a deep one, of all and of one credit type among many; and what a bare read takes for its decimals and times."""
    home, rows = folder / "home", counts.history_rows
    with credit_trading.open(home, create=True) as exchange:
        admin = exchange.as_admin("benchmark")
        for place in range(CREDIT_TYPES):
            admin.assets.add_asset(_credit_type(place), decimals=0)
        path = admin.databases.create_trading_database("ann", "ann@example.com").path
    with closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
        fill(connection, rows)
    with credit_trading.open(home) as exchange, closing(connect(path, mode="ro")) as connection:
        bench = _Bench(exchange.as_user("ann"), connection, rows, counts.history_turns)
        figures = [
            bench.pages(title, share, credit_type)
            for title, credit_type in (("", None), (" of one credit type", _credit_type(0)))
            for share in (0.0, DEEP)
        ]
        return [*figures, bench.raw()]


def fill(connection: Connection, rows: int) -> None:
    """Trades, one a second, in a file that is empty. Indices are made after the rows, or it would take longer."""
    with immediate(connection):
        standing = connection.execute(_INDICES).fetchall()
        for name, _ in standing:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("INSERT INTO assets VALUES ('USD', 2, NULL)")
        connection.executemany(
            "INSERT INTO assets VALUES (?, 0, NULL)", [(_credit_type(one),) for one in range(CREDIT_TYPES)]
        )
        connection.executemany(_INSERT, map(_trade, range(1, rows + 1)))
        words.add_transactions(connection, 1)
        for _, sql in standing:
            connection.execute(sql)


def _trade(number: int) -> tuple[object, ...]:
    """Of made up content, that looks as if drawn by chance."""
    drawn = number * 2_654_435_761 & 0xFFFF_FFFF
    credit_type = _credit_type(drawn % CREDIT_TYPES)
    quantity, price = 1 + (drawn >> 8) % 5000, 1000 + (drawn >> 5) % 400
    return (
        number,
        FIRST_US + number * 1_000_000,
        "buy" if drawn & 64 else "sell",
        credit_type,
        quantity,
        price,
        quantity * price,
        quantity * price // 400,
        f"user-{(drawn >> 3) % 500}",
        f"{credit_type}/USD",
        number * 2,
        number,
    )


def _credit_type(place: int) -> str:
    return f"VCS-{1000 + place}-2020"


@attrs.frozen
class _Bench:
    """`connection` is beside the exchange's own."""

    user: User
    connection: Connection
    rows: int
    turns: int

    def pages(self, title: str, share: float, credit_type: str | None) -> Figure:
        """Every turn asks another question, with an end of its own: none is answered from memory. Deep pages are of other rows each."""
        ours, bare = [], []
        for turn in range(self.turns):
            last = self.rows - int(self.rows * share) - turn * PAGE % max(self.rows // 20, 1)
            to = LATEST_US - turn
            after = None if share == 0.0 else _cursor(last + 1, credit_type, to)
            if turn % 2:  # whoever comes second finds the rows in memory
                bare.append(self._read_ms(_READABLE, max(last - PAGE + 1, 1), min(PAGE, last)))
            start = perf_counter()
            page = self.user.transactions.get_transaction_history(
                limit=PAGE, after=after, credit_type=credit_type, to=to
            )
            ours.append((perf_counter() - start) * 1000)
            if not turn % 2:
                bare.append(self._read_ms(_READABLE, max(last - PAGE + 1, 1), min(PAGE, last)))
            assert len(page) == PAGE or self.rows < PAGE * CREDIT_TYPES * 10
        place = "first page" if share == 0.0 else f"page {int(self.rows * share) // PAGE:,}"
        return compare(
            "m",
            f"{place} of {PAGE}{title}, {self.rows:,} transactions",
            ours,
            unit="ms",
            compared_with="a range of ids",
            compared=bare,
            target=GOAL,
        )

    def raw(self) -> Figure:
        """What is in the bare read itself."""
        places = [1 + turn * PAGE % max(self.rows - PAGE, 1) for turn in range(self.turns)]
        readable = [self._read_ms(_READABLE, place, PAGE) for place in places]
        raw = [self._read_ms(_RAW, place, PAGE) for place in places]
        return compare(
            "m",
            f"a range of {PAGE} ids, decimals and times as text",
            readable,
            unit="ms",
            compared_with="as whole numbers",
            compared=raw,
        )

    def _read_ms(self, sql: str, begin: int, count: int) -> float:
        start = perf_counter()
        rows = self.connection.execute(sql, (begin, begin + count - 1)).fetchall()
        elapsed_ms = (perf_counter() - start) * 1000
        assert len(rows) == count
        return elapsed_ms


def _cursor(before: int, credit_type: str | None, to_us: int) -> str:
    """As if the page before had ended with the row of that number."""
    question = ("transactions", USER, TransactionFilters(credit_type=credit_type, to_us=to_us), "date", False)
    return cursor(question, (FIRST_US + before * 1_000_000, before))
