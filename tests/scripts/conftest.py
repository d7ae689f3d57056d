"""What the tests of the scripts share: a small made-up day, the recorded ones, and what a replay leaves behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click.testing
import pytest

import credit_trading
from credit_trading.users.tables.schema import SHARED_TABLES
from scripts.replay_lobster import main

_RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "orderflow" / "lobster"

_MADE_UP = """
    34200.000001,1,11,100,5000000,1     | -              | 5000000,100
    34200.5,1,12,50,5010000,-1          | 5010000,50     | 5000000,100
    34201,4,11,40,5000000,1             | 5010000,50     | 5000000,60
    34201.2,5,0,30,5005050,-1           | 5010000,50     | 5000000,60
    34202,2,12,20,5010000,-1            | 5010000,30     | 5000000,60
    34203,7,0,0,-1,-1                   | 5010000,30     | 5000000,60
    34203.5,3,11,60,5000000,1           | 5010000,30     | -
    34203.7,1,13,10,5000000,1           | 5010000,30     | 5000000,10
    34204,7,0,0,1,-1                    | 5010000,30     | 5000000,10
    34205,4,99,10,5010000,-1            | 5010000,20     | 5000000,10
    34206,1,14,5,5000000,1              | 5010000,20     | 5000000,15
    34207,4,14,5,5000000,1              | 5010000,20     | 5000000,10
    34208,3,13,10,5000000,1             | 5010000,20     | 4990000,7
"""
"""Message, best ask and best bid after it. A halt (7) that an order comes in; an execution of an order never seen to arrive (99)."""


@attrs.frozen
class Day:
    """The two files of one day of one symbol."""

    messages: Path
    orderbook: Path
    symbol: str

    def arguments(self, home: Path, **options: int) -> list[str]:
        given = [f"--{name}={value}" for name, value in options.items()]
        return [str(self.messages), str(self.orderbook), "--home", str(home), "--symbol", self.symbol, "--json", *given]

    def replay(self, home: Path, **options: int) -> Run:
        """In this process; `options` are the script's."""
        result = click.testing.CliRunner().invoke(main, self.arguments(home, **options))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        report = json.loads(result.stdout) if result.stdout else {}
        return Run(result.exit_code, report, result.stderr)


@attrs.frozen
class Run:
    """How a replay ended."""

    code: int
    report: dict[str, Any]
    errors: str


@pytest.fixture
def make_day(tmp_path: Path) -> Callable[..., Day]:
    """Writes the two files of a day out of rows `message | best ask | best bid`, where `-` is none."""

    def make(text: str = _MADE_UP, *, symbol: str = "ACME", date: str = "2012-06-21") -> Day:
        rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
        books = [f"{_level(ask, '9999999999')},{_level(bid, '-9999999999')}" for _, ask, bid in rows]
        day = Day(tmp_path / f"{symbol}_{date}_message_1.csv", tmp_path / f"{symbol}_{date}_orderbook_1.csv", symbol)
        day.messages.write_text("".join(f"{message}\n" for message, _, _ in rows))
        day.orderbook.write_text("".join(f"{book}\n" for book in books))
        return day

    return make


def _level(text: str, nothing: str) -> str:
    return f"{nothing},0" if text == "-" else text


@pytest.fixture
def made_up(make_day: Callable[..., Day]) -> Day:
    return make_day()


def _recorded(symbol: str, levels: str) -> Day:
    names = [_RECORDED / f"{symbol}_2012-06-21_{what}_{levels}.csv" for what in ("message", "orderbook")]
    if not all(name.exists() for name in names):
        pytest.skip(f"the recorded day of {symbol} is not there: {names[0]}")
    messages, orderbook = names
    return Day(messages, orderbook, symbol)


@pytest.fixture
def goog() -> Day:
    """A whole day at level 1: 49,482 rows."""
    return _recorded("GOOG", "1")


@pytest.fixture
def aapl() -> Day:
    """The first 999 rows of a day at ten levels."""
    return _recorded("AAPL", "10_head")


def left_behind(home: Path) -> dict[str, dict[str, str]]:
    """A digest of each shared table, by user.

    Left out is what two exchanges that were founded apart cannot share: the exchange's id and the chain of hashes that begins with it,
    and of each user's creation the id that was made up for it and the salted digest.
    """
    with credit_trading.open(home) as exchange:
        databases = exchange.as_admin("test").databases
        return {
            known.user_id: _digests(databases.get_trading_database(known.user_id))
            for known in databases.list_trading_databases()
        }


def _digests(database: Any) -> dict[str, str]:
    try:
        return {table: _digest([_comparable(row) for row in database[table].rows]) for table in SHARED_TABLES}
    finally:
        database.close()


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    own = {"exchange_id", "applied_hash"} | ({"cause", "details"} if row.get("kind") == "user_created" else set())
    return {name: value for name, value in row.items() if name not in own}


def _digest(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(repr(rows).encode()).hexdigest()
