"""What the order book is compared with: other packages, driven by their own calls, and itself with more orders in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import books, normal_flow, peers
from benchmarks.counts import Counts
from benchmarks.flow import report_text
from benchmarks.normal_flow import made_up_flow
from benchmarks.operations import PRICES, DeepBook
from benchmarks.peers import PEERS, LightMatchingEngine, Peer, peer_book
from benchmarks.plain_book import PlainBook

FEW = Counts(repetitions=1, peer_messages={"made-up": 200})


class Silent:
    """A peer that takes orders and never trades."""

    def __init__(self) -> None:
        self._lots: dict[int, int] = {}

    def enter(self, side: int, number: int, price: int, lots: int) -> Iterator[tuple[int, int, int]]:
        self._lots[number] = lots
        return iter(())

    def left(self, number: int) -> int:
        return self._lots.get(number, 0)

    def cancel(self, number: int) -> None:
        del self._lots[number]


def absent() -> Peer:
    raise ModuleNotFoundError("No module named 'made_up'", name="made_up")


@pytest.fixture(autouse=True)
def no_recorded_flow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(normal_flow, "NORMAL", tmp_path / "absent")


@pytest.mark.parametrize("package", PEERS)
def test_a_peer_reports_what_a_plain_book_does(package: str) -> None:
    """Else the comparison would not be one of equal work."""
    book = peer_book(package)
    if book is None:
        pytest.skip(f"{package} is not installed: pip install credit-trading[bench]")
    flow = made_up_flow(3_000)
    reports: list[tuple[int, ...]] = []
    expected: list[tuple[int, ...]] = []
    book.play(flow.messages(), reports)
    PlainBook().play(flow.messages(), expected)
    assert report_text(reports) == report_text(expected)


def test_a_peer_that_is_not_installed_leaves_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The figure has no measurement, and the others are measured all the same."""
    monkeypatch.setattr(books, "PEERS", {"made-up": absent})
    monkeypatch.setattr(peers, "PEERS", {"made-up": absent})
    (figure,) = books.peers(FEW, tmp_path)
    assert (figure.item, figure.measured, figure.ratio) == ("i", None, None)
    assert figure.compared_with == "made-up: not installed"


def test_a_peer_that_reports_something_else_is_shown_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(books, "PEERS", {"made-up": Silent})
    monkeypatch.setattr(peers, "PEERS", {"made-up": Silent})
    monkeypatch.setattr(books, "version", lambda _: "1.0")
    (figure,) = books.peers(FEW, tmp_path)
    assert figure.compared_with == "made-up 1.0, OTHER reports"
    assert figure.ratio is not None


def test_a_packages_absence_is_seen_by_its_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is without the extra: the module is not there."""

    def not_there(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(peers, "import_module", not_there)
    with pytest.raises(ModuleNotFoundError):
        LightMatchingEngine()
    assert [peer_book(package) for package in PEERS] == [None, None, None]


def test_operations_are_measured_in_the_middle_of_queues_that_stay_as_long() -> None:
    """The benchmark's own account of the queues is what the book holds, after rounds that amended, canceled and added."""
    book = DeepBook(10 * PRICES)
    for _ in range(3):
        measured = book.round_us()
        assert sorted(measured) == ["add", "amend down", "amend price", "best", "cancel"]
        assert min(measured.values()) > 0
    levels = list(book._side.levels())
    assert [list(level.orders.values()) for level in levels] == book._queues
    assert [len(level.orders) for level in levels] == [10] * PRICES
    assert all(level.lots == sum(order.shown_lots for order in level.orders.values()) for level in levels)
