"""Reading the two files of a recorded day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from scripts.lobster_rows import Kind, LobsterError, files_hash, midnight_us, read_rows
from tests.scripts.conftest import Day


def test_a_row_is_a_message_and_the_book_after_it(made_up: Day) -> None:
    """Asks and bids by price; a level that is padded is none."""
    first, second, *_ = read_rows(made_up.messages, made_up.orderbook)
    assert (first.number, first.time_us, first.kind, first.side) == (1, 34_200_000_001, Kind.NEW, "buy")
    assert (first.book, second.book) == (({}, {5000000: 100}), ({5010000: 50}, {5000000: 100}))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "34201,4,11,40,5000000",
        "34201,4,11,40,5000000,1,1",
        "soon,4,11,40,5000000,1",
        "34201,4,11,40.5,5000000,1",
        "34201,6,11,40,5000000,1",
        "34201,4,11,-40,5000000,1",
        "34201,4,11,40,5000000,0",
        "34201,4,\u0661\u0661,40,5000000,1",
        "NaN,4,11,40,5000000,1",
    ],
)
def test_a_broken_message_is_named_by_its_line(made_up: Day, line: str) -> None:
    """Every field is checked; nothing is passed over."""
    lines = made_up.messages.read_text().splitlines()
    made_up.messages.write_text("\n".join([*lines[:2], line, *lines[3:]]) + "\n")
    with pytest.raises(LobsterError, match=rf"{made_up.messages.name} line 3: "):
        list(read_rows(made_up.messages, made_up.orderbook))


@pytest.mark.parametrize("line", ["", "5010000,50", "5010000,50,5000000,60,0", "5000000,50,5010000,60", "1,1,-1,1"])
def test_a_broken_book_is_named_by_its_line(made_up: Day, line: str) -> None:
    """Fields in fours, as many in every line, and never crossed."""
    lines = made_up.orderbook.read_text().splitlines()
    made_up.orderbook.write_text("\n".join([*lines[:2], line, *lines[3:]]) + "\n")
    with pytest.raises(LobsterError, match=rf"{made_up.orderbook.name} line 3: "):
        list(read_rows(made_up.messages, made_up.orderbook))


def test_a_file_that_ends_early_is_named(made_up: Day) -> None:
    """The two files have a line each for every row."""
    lines = made_up.orderbook.read_text().splitlines(keepends=True)
    made_up.orderbook.write_text("".join(lines[:-1]))
    with pytest.raises(
        LobsterError, match=f"{made_up.orderbook.name} line {len(lines)}: the file ends before the other"
    ):
        list(read_rows(made_up.messages, made_up.orderbook))


def test_another_byte_in_either_file_is_another_hash(made_up: Day, make_day: Callable[..., Day]) -> None:
    """Command ids come from it."""
    before = files_hash(made_up.messages, made_up.orderbook)
    make_day("34200,1,11,100,5000000,1 | - | 5000000,100")
    assert files_hash(made_up.messages, made_up.orderbook) != before


@pytest.mark.parametrize(
    "date",
    ["2007-06-27", "2012-03-10", "2012-03-11", "2012-03-12", "2012-06-21", "2023-11-04", "2023-11-05", "2023-11-06"],
)
def test_times_count_from_midnight_in_new_york(date: str) -> None:
    """As the time zone database has it, where there is one."""
    try:
        midnight = datetime.fromisoformat(date).replace(tzinfo=ZoneInfo("America/New_York"))
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time zone data")
    assert midnight_us(Path(f"GOOG_{date}_message_1.csv")) == midnight.timestamp() * 1_000_000


def test_a_name_without_a_day_is_refused() -> None:
    """The clock is the file's, and only its name tells the day."""
    with pytest.raises(LobsterError, match="its name holds no day such as 2012-06-21"):
        midnight_us(Path("GOOG_2012-06-31_message_1.csv"))
