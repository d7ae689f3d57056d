"""What was said before and is never forgotten: keys of money movements, and references, beyond every memory of the replica."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import CommandConflict
from credit_trading.exchange import commands as cmd
from credit_trading.journal import notes, rows
from credit_trading.journal.log import FILE_NAME
from credit_trading.journal.notes import Note
from credit_trading.trading.outcome import Outcome
from tests.floor import CASH, CREDIT, SYMBOL, Floor, edit, opened, rows_of

DEAL = cmd.EnterTransaction(1, "buy", CREDIT, 5, CASH, 200, 2, 1000, counterparty=2, external_reference="R")
DEPOSIT = cmd.EnterTransaction(1, "deposit", CASH, 700, external_reference="R")


@pytest.fixture
def forgetful(home: Path, clock: ManualClock) -> Iterator[Floor]:
    """An exchange whose replica remembers three commands only."""
    with opened(home, clock=clock, settings=Settings(remember_commands=3, project_on_commit=False)) as exchange:
        yield Floor(exchange).set_up("ann", "bob", "cat")


def submit(floor: Floor, *commands: cmd.Command, key: str | None = None, outside: str | None = None) -> list[Outcome]:
    """As an admin does who names somebody outside, or nobody."""
    sequencer = floor.exchange._desk.sequencer
    note = Note(actor="admin:setup", counterparty=outside)
    return sequencer.submit(
        [
            sequencer.prepare(command, scope="admin", command_id=f"admin/key/{key}" if key else None, note=note)
            for command in commands
        ]
    )


def forget(floor: Floor) -> None:
    floor.exchange.submit([floor.prepared("cat", "buy", 1, "1.00") for _ in range(5)])


def is_conflict(outcome: Outcome, words: str) -> bool:
    return isinstance(outcome.error, CommandConflict) and words in str(outcome.error)


@pytest.mark.parametrize("forgets", [False, True])
def test_a_reference_stands_for_one_movement_of_each_of_its_users(forgetful: Floor, forgets: bool) -> None:
    """The same again gives the first answer, on whichever side it was; anything else is refused; others may use it."""
    (first,) = submit(forgetful, DEAL)
    if forgets:
        forget(forgetful)
    before = forgetful.exchange.sequence
    (again,) = submit(forgetful, DEAL)
    assert (again.repeated, again.sequence, again.error) == (True, first.sequence, None)
    swapped = cmd.EnterTransaction(2, "sell", CREDIT, 5, CASH, 200, 2, 1000, counterparty=1, external_reference="R")
    order_of_bob = cmd.FillOutside(2, SYMBOL, 1, None, 1, 200, 2, external_reference="R")
    third = cmd.EnterTransaction(3, "transfer_in", CREDIT, 5, counterparty=2, external_reference="R")
    for other in (DEPOSIT, swapped, order_of_bob, third):
        (outcome,) = submit(forgetful, other)
        assert is_conflict(outcome, f"it stands for sequence {first.sequence}, which was another")
    assert forgetful.exchange.sequence == before
    (of_another,) = submit(forgetful, cmd.EnterTransaction(3, "deposit", CASH, 700, external_reference="R"))
    assert of_another.ok
    assert not of_another.repeated


def test_what_was_refused_takes_no_reference(forgetful: Floor) -> None:
    """Only what moved something, or is to, is known by it."""
    too_much = cmd.EnterTransaction(1, "withdrawal", CASH, 10**12, external_reference="R")
    assert submit(forgetful, too_much)[0].rejection == "insufficient_funds"
    assert submit(forgetful, DEPOSIT)[0].ok
    assert is_conflict(submit(forgetful, too_much)[0], "which was another")


def test_a_reference_is_known_within_its_own_group(forgetful: Floor) -> None:
    """Neither in the journal yet nor, after so many others, in the replica's memory; with whom it was is known too."""
    others = [cmd.EnterTransaction(3, "deposit", CASH, number) for number in range(1, 6)]
    first, *_, again, conflicting = submit(forgetful, DEAL, *others, DEAL, DEPOSIT)
    assert (again.repeated, again.sequence) == (True, first.sequence)
    assert is_conflict(conflicting, "which was another")
    sequencer = forgetful.exchange._desk.sequencer
    prepared = [
        sequencer.prepare(
            cmd.EnterTransaction(2, "deposit", CASH, 5, external_reference="G"),
            scope="admin",
            note=Note(actor="a", counterparty=name),
        )
        for name in ("x", "y", "x")
    ]
    told = sequencer.submit(prepared)
    assert is_conflict(told[1], "another counterparty")
    assert (told[2].repeated, told[2].sequence) == (True, told[0].sequence)


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("by", ["key", "reference"])
def test_somebody_else_outside_is_something_else(forgetful: Floor, forgets: bool, by: str) -> None:
    """The name stands beside the journal and in no content; once it is erased nobody can tell any more, and the first answer is given."""
    command = cmd.EnterTransaction(1, "deposit", CASH, 700, external_reference="R" if by == "reference" else None)
    key = "k" if by == "key" else None
    (first,) = submit(forgetful, command, key=key, outside="Broker A")
    if forgets:
        forget(forgetful)
    for other in ("Broker B", None):
        assert is_conflict(submit(forgetful, command, key=key, outside=other)[0], "with another counterparty")
    assert submit(forgetful, command, key=key, outside="Broker A")[0].repeated
    edit(forgetful.exchange.home / FILE_NAME, f"DELETE FROM command_notes WHERE sequence = {first.sequence}")
    assert submit(forgetful, command, key=key, outside="Broker B")[0].sequence == first.sequence


def test_a_report_of_a_fill_gets_its_first_answer_to_the_last_number(
    forgetful: Floor, reopen: Callable[..., Exchange]
) -> None:
    """Long after the replica forgot it, in another process too: how the order stood then, and not how it stands now."""
    (placed,) = submit(forgetful, cmd.PlaceExternalOrder(1, SYMBOL, True, 10, 200, "GTC"))
    assert placed.order_id is not None
    fills: dict[str, cmd.FillOutside] = {
        reference: cmd.FillOutside(1, SYMBOL, placed.order_id, None, lots, price, 2, fee, external_reference=reference)
        for reference, lots, price, fee in (("A", 4, 190, 7), ("B", 1, 200, 0), ("C", None, 180, 1))
    }
    first = {name: submit(forgetful, fill)[0].answer for name, fill in fills.items()}
    forget(forgetful)
    for floor in (forgetful, Floor(reopen())):
        for name, fill in fills.items():
            (again,) = submit(floor, fill)
            assert again.repeated
            assert again.answer == first[name]
    assert [answer and (answer.status, answer.filled_lots) for answer in first.values()] == [
        *(("partially_filled", 4), ("partially_filled", 5), ("filled", 10)),
    ]


def test_the_key_of_a_fill_and_of_what_was_entered_are_known_for_ever(forgetful: Floor) -> None:
    """As those of deposits are."""
    (placed,) = submit(forgetful, cmd.PlaceExternalOrder(1, SYMBOL, True, 10, 200, "GTC"))
    said = {
        "fill": cmd.FillOutside(1, SYMBOL, placed.order_id, None, None, 200, 2),
        "entered": cmd.EnterTransaction(2, "fee", CASH, 100, earned=True),
    }
    first = {key: submit(forgetful, command, key=key)[0].sequence for key, command in said.items()}
    forget(forgetful)
    before = forgetful.exchange.sequence
    for key, command in said.items():
        (again,) = submit(forgetful, command, key=key)
        assert (again.repeated, again.sequence) == (True, first[key])
    other: dict[str, Any] = {"fill": said["entered"], "entered": cmd.EnterTransaction(2, "fee", CASH, 101, earned=True)}
    for key, command in other.items():
        assert is_conflict(submit(forgetful, command, key=key)[0], "used before for something else")
    assert forgetful.exchange.sequence == before


def test_the_rows_that_keys_and_references_are_found_by_are_never_moved(forgetful: Floor) -> None:
    """Of each of their kinds: into whatever archive the others go."""
    (placed,) = submit(forgetful, cmd.PlaceExternalOrder(1, SYMBOL, True, 10, 200, "GTC"))
    submit(forgetful, DEAL, cmd.FillOutside(1, SYMBOL, placed.order_id, None, 5, 200, 2, external_reference="F"))
    path = forgetful.exchange.home / FILE_NAME
    kept = {kind for (kind,) in rows_of(path, f"SELECT kind FROM journal WHERE {rows.MONEY}")}
    referred = {kind for (kind,) in rows_of(path, f"SELECT kind FROM journal WHERE {rows.REFERRED}")}
    assert referred == {"transaction_entered", "order_filled_outside"}
    assert referred <= kept


def test_many_references_in_one_group_cost_no_more_than_few(forgetful: Floor) -> None:
    """Each new entry of the group is looked at once: two thousand commands, and not two million looks."""
    looked = 0

    class Counted(list[Any]):
        def __getitem__(self, place: Any) -> Any:
            nonlocal looked
            found = super().__getitem__(place)
            looked += len(found) if isinstance(place, slice) else 0
            return found

    with forgetful.exchange._live.reading() as replica:
        replica.pending = Counted()
    outcomes = submit(
        forgetful,
        *(cmd.EnterTransaction(1, "deposit", CASH, 1, external_reference=f"r{number}") for number in range(300)),
    )
    assert all(outcome.ok and not outcome.repeated for outcome in outcomes)
    assert 0 < looked <= 300


def test_notes_are_read_for_what_may_have_somebody_outside_alone(forgetful: Floor, monkeypatch: Any) -> None:
    """An order, a deposit or a first transaction costs no look at the notes."""

    def refuse(*_: object) -> None:
        raise AssertionError("nobody asked for it")

    monkeypatch.setattr(notes, "read", refuse)
    assert all(outcome.ok for outcome in submit(forgetful, cmd.Deposit(1, CASH, 5), DEAL))
    submit(forgetful, cmd.Deposit(1, CASH, 5), key="d")
    assert submit(forgetful, cmd.Deposit(1, CASH, 5), key="d")[0].repeated
