"""The flash1 format, and that whoever matches it reports the same."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import flow, normal_flow
from benchmarks.flow import Flow, FlowError, Matcher, Message, Report, flow_of, play, read_flow, report_text
from benchmarks.normal_flow import NORMAL, made_up_flow
from benchmarks.own_book import OwnBook
from benchmarks.own_engine import OwnEngine
from benchmarks.plain_book import PlainBook
from tests.benchmarks.flows import file_of, record, records

PUBLISHED = "e9b2e3926854410b01a035aeb25dd05f1e597c233be8263de9eb49b6713d367e"
MATCHERS: dict[str, Callable[[Flow], Matcher]] = {
    "book": lambda _: OwnBook(),
    "engine": OwnEngine,
    "plain": lambda _: PlainBook(),
}

EVERYTHING = """
    new sell 1 10 @ 100
    new sell 2 5 @ 100
    new buy 3 4 @ 99
    new buy 4 12 @ 101
    cancel 1
    cancel 99
    modify 2 3 @ 102
    modify 3 5 @ 102
    modify 2 9 @ 101
    ioc sell 5 6 @ 102
    ioc buy 6 1 @ 90
    new buy 7 7 @ 98
    new buy 8 7 @ 98
    modify 7 6 @ 98
    new sell 9 8 @ 98
    cancel 7
    new sell 1 2 @ -5
    modify 1 1 @ -4
    cancel 1
    new buy 10 0 @ 50
    cancel 10
    new buy 11 3 @ 50
    modify 11 0 @ 50
    cancel 11
    new buy 12 2 @ 60
    new sell 13 2 @ 70
    modify 13 3 @ 60
    cancel 13
"""
REPORTED = """
    0,1,1,1,100,10
    0,2,1,2,100,5
    0,3,0,3,99,4
    0,4,0,4,101,12
    1,4,100,10,1,4
    1,4,100,2,2,4
    4,5,1
    4,6,99
    3,7,1,2,102,3
    1,8,102,3,2,3
    3,8,0,3,102,5
    5,9,2
    0,10,1,5,102,6
    1,10,102,2,3,5
    2,10,1,5,102
    0,11,0,6,90,1
    2,11,0,6,90
    0,12,0,7,98,7
    0,13,0,8,98,7
    3,14,0,7,98,6
    0,15,1,9,98,8
    1,15,98,7,8,9
    1,15,98,1,7,9
    2,16,0,7,98
    0,17,1,1,-5,2
    3,18,1,1,-4,1
    2,19,1,1,-4
    0,20,0,10,50,0
    4,21,10
    0,22,0,11,50,3
    3,23,0,11,50,0
    4,24,11
    0,25,0,12,60,2
    0,26,1,13,70,2
    1,27,60,2,12,13
    3,27,1,13,60,3
    2,28,1,13,60
"""
"""By hand: 4 takes the makers' prices, oldest first, and the rest of it is nothing; 8 crosses by a modify and its trade stands before
the ack; 14 loses its place by a modify to less; 17 is an id that was used before, at a price below zero; 18 carries a flag that a
modify does not have; 20 and 23 are orders of nothing; 27 says "buy", as every modify here does, and is the modify of a sell."""
REPORTED_TEXT = "\n".join(line.strip() for line in REPORTED.strip().splitlines())


def reports_of(matcher: Matcher, messages: list[Message]) -> list[Report]:
    reports: list[Report] = []
    matcher.play(messages, reports)
    return reports


@pytest.mark.parametrize("through", MATCHERS)
def test_every_message_brings_about_what_was_worked_out_by_hand(through: str) -> None:
    """All kinds of reports; the hash is that of the text, without a newline at its end."""
    everything = flow_of(records(EVERYTHING))
    assert report_text(reports_of(MATCHERS[through](everything), everything.messages())).splitlines() == (
        REPORTED_TEXT.splitlines()
    )
    played = play(everything, MATCHERS[through](everything))
    assert played.sha256 == hashlib.sha256(REPORTED_TEXT.encode()).hexdigest()
    assert played.messages_per_s > 0


@pytest.mark.parametrize("through", MATCHERS)
def test_a_flow_of_nothing_is_the_hash_of_nothing(through: str) -> None:
    nothing = flow_of(b"")
    assert play(nothing, MATCHERS[through](nothing)).sha256 == hashlib.sha256().hexdigest()


@pytest.mark.parametrize("through", MATCHERS)
def test_two_orders_of_one_id_are_refused(through: str) -> None:
    """What a cancel of that id should then do, nobody says."""
    twice = flow_of(records("new buy 1 5 @ 100 \n new buy 1 5 @ 99"))
    with pytest.raises(FlowError, match="message 2: order 1 is in the book already"):
        play(twice, MATCHERS[through](twice))


def test_what_the_engine_will_not_take_is_an_error_and_never_a_report() -> None:
    """Price times quantity beyond what 63 bits hold; the books alone do not mind."""
    huge = flow_of(records(f"new buy 1 4000000000 @ {2**60}"))
    with pytest.raises(FlowError, match=r"message 1: the engine refused order 1 \(value_too_large\)"):
        play(huge, OwnEngine(huge))
    assert play(huge, OwnBook()).sha256 == play(huge, PlainBook()).sha256


def test_a_flow_is_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece's reports are hashed and forgotten; nothing is lost where pieces meet."""
    monkeypatch.setattr(flow, "BATCH", 5)
    everything = flow_of(records(EVERYTHING))
    assert [len(batch) for batch in everything.batches()] == [5, 5, 5, 5, 5, 3]
    assert play(everything, OwnBook()).sha256 == hashlib.sha256(REPORTED_TEXT.encode()).hexdigest()


def test_reports_are_sorted_as_a_whole_where_sequence_numbers_do_not_rise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are played as they stand; only the text goes by their numbers."""
    monkeypatch.setattr(flow, "BATCH", 1)
    falling = flow_of(record(0, 0, 0, 5, 9, 1, 100) + record(0, 1, 0, 5, 3, 2, 100) + record(1, 0, 0, 0, 3, 1, 0))
    text = "0,3,1,2,100,5\n1,3,100,5,1,2\n4,3,1\n0,9,0,1,100,5"
    assert play(falling, OwnBook()).sha256 == hashlib.sha256(text.encode()).hexdigest()
    level = flow_of(record(1, 0, 0, 0, 3, 1, 0) + record(0, 0, 0, 5, 3, 1, 100))
    assert play(level, OwnBook()).sha256 == hashlib.sha256(b"0,3,0,1,100,5\n4,3,1").hexdigest()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_may_be_plain_or_compressed(compressed: bool, tmp_path: Path) -> None:
    data = file_of(records(EVERYTHING))
    path = tmp_path / "flow"
    path.write_bytes(lzma.compress(data) if compressed else data)
    assert read_flow(path) == flow_of(records(EVERYTHING))
    assert len(read_flow(path)) == 28
    assert read_flow(path).first(3).messages()[-1] == (0, 0, 0, 0, 4, 3, 3, 99, 0)


ONE = record(0, 0, 0, 5, 1, 1, 100)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "0 bytes, too short for the header of a flash1 file"),
        (file_of(ONE, magic=b"MEBW_001"), "not a flash1 file of version 1"),
        (file_of(ONE, version=2), "not a flash1 file of version 1"),
        (file_of(ONE)[:-1], "39 bytes of records, and 1 messages take 40"),
        (file_of(ONE + b"x", count=1), "41 bytes of records, and 1 messages take 40"),
        (file_of(ONE, count=2), "40 bytes of records, and 2 messages take 80"),
        (lzma.compress(file_of(ONE))[:-20], "damaged xz data"),
        (lzma.compress(ONE), "not a flash1 file of version 1"),
        (file_of(ONE + record(3, 0, 0, 5, 2, 2, 100)), "message 2 has kind 3, side 0, immediate-or-cancel 0"),
        (file_of(ONE + record(0, 2, 0, 5, 2, 2, 100)), "message 2 has kind 0, side 2, immediate-or-cancel 0"),
        (file_of(ONE + record(0, 0, 2, 5, 2, 2, 100)), "message 2 has kind 0, side 0, immediate-or-cancel 2"),
    ],
)
def test_a_file_of_another_kind_is_told_in_one_line(data: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "flow.bin"
    path.write_bytes(data)
    with pytest.raises(FlowError) as error:
        read_flow(path)
    assert str(error.value).startswith(f"{path}: {problem}")
    assert "\n" not in str(error.value)


def test_a_made_up_flow_is_in_the_recorded_ones_likeness() -> None:
    """The same every time, of as many messages as asked for, and its new orders, cancels and modifies are as many to ten thousand."""
    flow_a, flow_b = made_up_flow(20_000), made_up_flow(20_000)
    assert flow_a == flow_b
    kinds = [message[0] for message in flow_a.messages()]
    assert len(kinds) == 20_000
    assert [round(kinds.count(kind) / 2_000) for kind in (0, 1, 2)] == [5, 4, 1]
    assert sum(message[2] for message in flow_a.messages()) == pytest.approx(1_500, rel=0.1)


def test_a_made_up_flow_is_reported_alike_by_all() -> None:
    """No data needed: the plain book is the second opinion, and enough of the flow trades."""
    made_up = made_up_flow(20_000)
    expected = reports_of(PlainBook(), made_up.messages())
    assert sum(report[0] == flow.TRADE for report in expected) > 500
    assert reports_of(OwnBook(), made_up.messages()) == expected
    # In the engine an order is taken before it trades, so a modify's ack comes before its trades; the text sorts them.
    assert report_text(reports_of(OwnEngine(made_up), made_up.messages())) == report_text(expected)


def told(through: str, crowded: Flow) -> str:
    """The reports' text, or why there is none."""
    try:
        return report_text(reports_of(MATCHERS[through](crowded), crowded.messages()))
    except FlowError as error:
        return str(error)


MESSAGES = st.tuples(st.sampled_from([0, 0, 0, 1, 2]), *[st.integers(0, most) for most in (1, 1, 4, 30, 2)])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(MESSAGES, min_size=5, max_size=60))
def test_whatever_is_sent_is_reported_alike_by_all(messages: list[tuple[int, ...]]) -> None:
    """Few prices and not many ids: they come again, or too early, and stale ones are asked for; orders of nothing are among them."""
    crowded = flow_of(
        b"".join(
            record(kind, side, ioc, lots, place, order, price - 1)
            for place, (kind, side, ioc, lots, order, price) in enumerate(messages)
        )
    )
    expected = told("plain", crowded)
    assert told("book", crowded) == expected
    assert told("engine", crowded) == expected


def test_levels_know_their_sums_after_a_flow() -> None:
    """What a level shows is no report; the loop that stands in for the engine must tell the book of partial fills all the same."""
    book = OwnBook()
    reports_of(book, made_up_flow(20_000).messages())
    levels = [level for side in book._sides for level in side.levels()]
    assert len(levels) > 20
    assert [level.lots for level in levels] == [
        sum(order.shown_lots for order in level.orders.values()) for level in levels
    ]


def test_without_the_data_a_flow_is_made_up_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(normal_flow, "NORMAL", tmp_path / "absent")
    name, flow = normal_flow.normal_flow(100)
    assert name == "a made-up flow (no ../shared/data)"
    assert flow == made_up_flow(100)


@pytest.fixture(scope="module")
def recorded() -> Flow:
    """The workload "normal" of flash1, seed 23."""
    if not NORMAL.exists():
        pytest.skip(f"the recorded flow is absent: ../shared/data/orderflow/flash1/{NORMAL.name}")
    return read_flow(NORMAL)


def test_book_and_engine_report_the_first_of_the_recorded_flow_as_a_plain_book_does(recorded: Flow) -> None:
    """The plain book's reports of all of it are the published ones: the test below, with --long."""
    assert len(recorded) == normal_flow.NORMAL_MESSAGES
    first = recorded.first(100_000)
    engine, expected = OwnEngine(first), play(first, PlainBook()).sha256
    assert play(first, engine).sha256 == expected
    assert engine.findings() == []
    assert play(first, OwnBook()).sha256 == expected


@pytest.mark.long
@pytest.mark.parametrize("through", MATCHERS)
def test_the_whole_recorded_flow_is_reported_as_published(through: str, recorded: Flow) -> None:
    """1,996,097 messages; the hash is that of every conforming engine. By the book alone, by the engine with accounts, holds, rules and
    events, and by the yardstick that both are measured by.
    """
    assert play(recorded, MATCHERS[through](recorded)).sha256 == PUBLISHED
