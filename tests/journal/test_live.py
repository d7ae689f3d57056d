"""A checkpoint beside writers: nobody waits for it, and it holds what the journal says."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import FileCorrupt, TradingError
from credit_trading.exchange import engine, state
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.commands import Request
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import ReplicaState, dissolve, dump, restore, state_digest
from credit_trading.journal import checkpoint, renewal
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.replay import replay
from credit_trading.journal.rows import FIRST_HASH
from tests.floor import Floor, edit, opened
from tests.forks import in_fork, succeeded
from tests.users.flow import RandomFlow

Reopen = Callable[..., Exchange]


def _checkpoints(home: Path) -> list[Path]:
    return sorted((home / "checkpoints").glob("*.checkpoint"))


def _without_checkpoints(home: Path) -> str:
    """The digest of a replica that has replayed all of the journal."""
    for path in _checkpoints(home):
        path.unlink()
    live = LiveReplica(home, lock_timeout_s=10)
    try:
        with live.reading() as replica:
            return state_digest(replica)
    finally:
        live.close()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Checkpoints stop just before they are written: the first event says that one is there, the second lets it go on."""
    reached, go_on = threading.Event(), threading.Event()
    save = checkpoint.save

    def held_save(*arguments: Any, **more: Any) -> Path:
        reached.set()
        assert go_on.wait(20)
        return save(*arguments, **more)

    monkeypatch.setattr(checkpoint, "save", held_save)
    yield reached, go_on
    go_on.set()


def test_a_checkpoint_while_threads_write_holds_what_the_journal_says(
    floor: Floor, home: Path, clock: ManualClock, reopen: Reopen
) -> None:
    """Made again and again from the one before; whoever opens with it stands where a replay of everything leads."""
    writers = [
        threading.Thread(
            target=lambda user=user: [floor.place(user, side, 3, "10.00") for side in ("buy", "sell") * 40]
        )
        for user in ("ann", "bob", "cat")
    ]
    for writer in writers:
        writer.start()
    written = 0
    while any(writer.is_alive() for writer in writers):
        written += floor.exchange._live.save_checkpoint(every_events=5)
    for writer in writers:
        writer.join()
    assert written > 2
    floor.place("ann", "sell", 1, "12.50")
    with reopen() as other:
        assert 0 < other._live._checkpointed < other.sequence
        expected = other.state_digest()
    assert floor.exchange.state_digest() == expected
    assert floor.findings() == []
    floor.exchange.close()
    assert _without_checkpoints(home) == expected


def test_nobody_waits_for_a_checkpoint(floor: Floor, held: tuple[threading.Event, threading.Event]) -> None:
    """While one is being made, orders are placed, files read, and a second one is not begun."""
    reached, go_on = held
    live = floor.exchange._live
    made: list[bool] = []
    maker = threading.Thread(target=lambda: made.append(live.save_checkpoint(every_events=1)))
    maker.start()
    assert reached.wait(20)
    floor.place("ann", "sell", 10, "12.50")
    assert len(floor.user("ann").orders.get_active_orders()) == 1
    assert live.save_checkpoint(every_events=1) is False
    assert made == []
    go_on.set()
    maker.join()
    assert made == [True]


def test_a_child_forked_meanwhile_goes_on(floor: Floor, held: tuple[threading.Event, threading.Event]) -> None:
    """It has neither the thread nor what the thread held."""
    reached, go_on = held
    live = floor.exchange._live
    maker = threading.Thread(target=lambda: live.save_checkpoint(every_events=1))
    maker.start()
    assert reached.wait(20)

    def child() -> None:
        go_on.set()
        assert gc.isenabled()
        floor.place("ann", "sell", 10, "12.50")
        assert live.save_checkpoint(every_events=1)

    assert succeeded(in_fork(child))
    go_on.set()
    maker.join()
    assert len(floor.user("ann").orders.get_active_orders()) == 1
    assert floor.findings() == []


def test_one_that_another_process_has_written_is_enough(floor: Floor, home: Path, reopen: Reopen) -> None:
    """Both count their own; the folder needs one of them."""
    live, other = floor.exchange._live, reopen()._live
    assert other.save_checkpoint(every_events=5)
    (written,) = _checkpoints(home)
    floor.place("ann", "sell", 10, "12.50")
    assert not live.save_checkpoint(every_events=5)
    assert _checkpoints(home) == [written]
    assert live.save_checkpoint(every_events=1)
    assert len(_checkpoints(home)) == 2


def test_a_damaged_one_is_not_enough(floor: Floor, home: Path, reopen: Reopen) -> None:
    """However new its name says that it is."""
    live, other = floor.exchange._live, reopen()._live
    assert other.save_checkpoint(every_events=5)
    (written,) = _checkpoints(home)
    written.write_bytes(written.read_bytes()[:-1])
    floor.place("ann", "sell", 10, "12.50")
    assert live.save_checkpoint(every_events=5)
    assert written not in _checkpoints(home)


def test_long_tails_are_replayed_in_short_batches(
    floor: Floor, home: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row exactly once, wherever a batch ends."""
    for batch in (1, 2, 3, 7):
        monkeypatch.setattr(renewal, "SHORT_BATCH", batch + 1)
        before = floor.exchange.sequence
        for _ in range(batch * 2):
            floor.admin.accounts.deposit("ann", "USD", "1.00")
        assert floor.exchange._live.save_checkpoint(every_events=1)
        assert _checkpoints(home)[-1].stem.endswith(str(before + batch * 2))
    expected = floor.exchange.state_digest()
    with reopen() as other:
        assert other._live._checkpointed == other.sequence
        assert other.state_digest() == expected


@pytest.mark.parametrize("batch", [2, 3, 4, 50])
def test_a_replay_ends_where_it_was_asked_to(floor: Floor, batch: int) -> None:
    """At that row and none later, wherever batches end: writers who are quicker than it cannot draw it on, into a command least of all."""
    replica, chain_hash = Replica(), FIRST_HASH
    with floor.exchange._live.history() as log:
        for until in (3, 3, 1, 7, 8):
            chain_hash = replay(replica, chain_hash, log.batch_from, until=until, batch=batch)
            assert replica.sequence == max(until, 3)
            assert chain_hash == log.hash_at(replica.sequence)
        assert replay(replica, chain_hash, log.batch_from, until=10_000, batch=batch) == log.head()[1]
    assert state_digest(replica) == floor.exchange.state_digest()


def test_a_replay_up_to_a_row_sees_that_the_journal_was_replaced(floor: Floor) -> None:
    """Also where the replica stands there already."""
    replica = Replica()
    with floor.exchange._live.history() as log:
        replay(replica, FIRST_HASH, log.batch_from, until=5)
        for until in (4, 5, 6):
            with pytest.raises(FileCorrupt, match="replaced by another or an older one"):
                replay(replica, b"another" * 4, log.batch_from, until=until)


@pytest.mark.parametrize("short_batch", [2, 5, 50])
def test_a_checkpoint_beside_writers_knows_the_answers_to_repeated_commands(
    floor: Floor, home: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch, short_batch: int
) -> None:
    """It stops where the journal ended as it began: within a command that others write meanwhile it would know of a part of it only."""
    monkeypatch.setattr(renewal, "SHORT_BATCH", short_batch)
    for _ in range(20):
        floor.place("ann", "sell", 1, "5.00")
    head = floor.exchange.sequence
    answers = {f"b{n}": floor.place("bob", "buy", 6, "5.00", command_id=f"b{n}") for n in range(3)}
    for path in _checkpoints(home):
        path.unlink()
    saved = renewal.renew(
        home / "checkpoints", renewal.Glances(floor.exchange._live.history), until=head, every_events=1
    )
    assert saved == (head, True)
    assert [int(path.stem) for path in _checkpoints(home)] == [head]
    other = Floor(reopen())
    for key, answer in answers.items():
        assert other.place("bob", "buy", 6, "5.00", command_id=key) == attrs.evolve(answer, repeated=True)
    assert other.exchange.state_digest() == floor.exchange.state_digest()


def test_a_replica_is_let_go_of_little_by_little(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the end nothing of it is left that could keep everybody waiting."""
    monkeypatch.setattr(state, "PART_ITEMS", 2)
    floor.place("ann", "sell", 10, "12.50", client_order_id="mine")
    floor.place("bob", "buy", 10, "12.50")
    with floor.exchange._live.reading() as replica:
        copy = restore(dump(replica))
    assert len(list(dissolve(copy))) > 5
    left = dump(copy)
    assert [name for name in state.Part.__struct_fields__ if getattr(left, name)] == []


def test_a_checkpoint_is_not_made_from_a_journal_that_was_changed(floor: Floor, home: Path) -> None:
    """The chain is checked on the way, by connections that do not trust the live replica."""
    floor.exchange._live.save_checkpoint(every_events=1)
    before = _checkpoints(home)
    answer = floor.admin.accounts.deposit("ann", "USD", "1.00")
    path = home / "exchange.db"
    edit(path, f"UPDATE journal SET payload = replace(payload, '100', '900') WHERE sequence = {answer.sequence}")
    with pytest.raises(FileCorrupt, match=f'"sequence {answer.sequence}": the chain is broken here'):
        floor.exchange._live.save_checkpoint(every_events=1)
    assert _checkpoints(home) == before


def test_a_saved_state_decides_a_thousand_commands_as_the_live_one(
    home: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the encoding of checkpoints: the same events, answers and refusals, and in the end the same whole state."""
    decided: list[tuple[Request, dict[str, Any]]] = []
    handle = engine.handle

    def noted(replica: Replica, request: Request, **more: Any) -> Answer:
        decided.append((request, more))
        return handle(replica, request, **more)

    with opened(home, clock=clock, settings=Settings(project_on_commit=False)) as exchange:
        flow = RandomFlow(Floor(exchange).set_up("ann", "bob", "cat"), clock, seed=11)
        flow.run(100)
        with exchange._live.reading() as replica:
            saved = msgspec.msgpack.encode(dump(replica))
        monkeypatch.setattr(engine, "handle", noted)
        while len(decided) < 1_000:
            flow.run(50)
        monkeypatch.undo()
        loaded = restore(msgspec.msgpack.decode(saved, type=ReplicaState))
        before = loaded.sequence
        for request, more in decided:
            with suppress(TradingError):
                handle(loaded, request, **more)
        with exchange._live.history() as log:
            stored = [log.entry(sequence) for sequence in range(before + 1, loaded.sequence + 1)]
        assert loaded.take_pending() == stored
        with exchange._live.reading() as replica:
            assert dump(loaded) == dump(replica)
            assert state_digest(loaded) == state_digest(replica)
