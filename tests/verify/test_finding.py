"""A finding as text, and very many of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from credit_trading.errors import Busy, FileCorrupt, NotFound
from credit_trading.verify import finding as module
from credit_trading.verify.finding import Finding, Findings, guarded, of_error


def test_a_finding_is_one_line() -> None:
    """Where, what, the values, what to do; of a hash the beginning, which is enough to tell it from another."""
    found = Finding(
        file="exchange.db",
        row="sequence 9",
        problem="it differs",
        expected="a" * 64,
        found="b" * 64,
        repair="Do\nthis.",
    )
    assert str(found) == (
        "exchange.db, sequence 9: it differs (expected aaaaaaaaaaaaaaaa..., found bbbbbbbbbbbbbbbb...). Do this."
    )
    assert str(Finding(file="f", problem="p", repair="r")) == "f: p. r"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileCorrupt("x", "/a/f.db", "damaged", hint="Look."), "f: damaged. Look."),
        (FileCorrupt("journal", "sequence 7", "damaged"), "exchange.db, sequence 7: damaged. Repair."),
        (FileCorrupt("x", "/a/exchange.db", "damaged"), "exchange.db: damaged. Repair."),
        (Busy("x", "f", "somebody has it", hint="Wait."), "f: it could not be looked at: somebody has it. Wait."),
        (NotFound("x", "f", "gone"), "f: gone. Repair."),
        (ZeroDivisionError("by\nzero"), "f: it cannot be read (ZeroDivisionError: by zero). Repair."),
    ],
)
def test_whatever_is_raised_becomes_a_finding(error: Exception, told: str) -> None:
    """What was found before stays."""
    first = Finding(file="f", problem="first", repair="r")

    def look() -> Iterator[Finding]:
        yield first
        raise error

    assert str(of_error(error, file="f", repair="Repair.")) == told
    assert list(guarded(look, file="f", repair="Repair.")) == [first, of_error(error, file="f", repair="Repair.")]


def test_an_interrupt_is_no_finding() -> None:
    """Whoever stops a verification has it stopped."""

    def look() -> list[Finding]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(guarded(look, file="f", repair="r"))


def test_very_many_findings_are_counted_and_each_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged disk may yield millions."""
    monkeypatch.setattr(module, "MOST_FINDINGS", 3)
    found = Findings()
    for _ in range(2):
        found.add(Finding(file=str(number), problem="p", repair="r") for number in range(5))
    assert [one.file for one in found.listed()] == ["0", "1", "2", "and more"]
    assert "4 more" in found.listed()[-1].problem
