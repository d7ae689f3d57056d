"""Checkpoints: a hint that saves time, and never a second truth."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.exchange.events import Entry
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import STATE_VERSION, dump
from credit_trading.journal import checkpoint
from credit_trading.journal.log import FILE_NAME
from tests.floor import Floor, opened

Reopen = Callable[..., Exchange]


def _checkpoints(home: Path) -> list[Path]:
    return sorted((home / "checkpoints").glob("*"))


def _write_checkpoint(home: Path, clock: ManualClock) -> Path:
    with opened(home, clock=clock) as exchange:
        exchange._live.save_checkpoint(every_events=1)
    return _checkpoints(home)[-1]


def _everything(exchange: Exchange) -> object:
    """The whole state as plain data: more than the digest covers."""
    with exchange._live.reading() as replica:
        return msgspec.to_builtins(dump(replica))


@pytest.fixture
def traded(home: Path, clock: ManualClock) -> Path:
    """A closed exchange with orders in the book, trades and rejections, and no checkpoint."""
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        floor.place("ann", "sell", 10, "12.50", client_order_id="mine")
        floor.place("bob", "buy", 4, "12.50")
        floor.place("bob", "buy", 4, "12.00", expires_at="2026-02-01T00:00:00Z")
    assert _checkpoints(home) == []
    return home


def _trade_on(home: Path, clock: ManualClock) -> None:
    clock.advance(60)
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange)
        floor.place("bob", "buy", 3, "12.50")
        floor.user("ann").orders.cancel_order(client_order_id="mine")


def test_a_checkpoint_and_the_tail_give_what_replaying_from_zero_gives(traded: Path, clock: ManualClock) -> None:
    """All of the state, remembered answers and expiries included."""
    _write_checkpoint(traded, clock)
    _trade_on(traded, clock)
    with opened(traded, clock=clock) as exchange:
        from_checkpoint = _everything(exchange)
        assert exchange._live._checkpointed < exchange.sequence
    for path in _checkpoints(traded):
        path.unlink()
    with opened(traded, clock=clock) as exchange:
        assert _everything(exchange) == from_checkpoint


def test_opening_replays_nothing_that_a_checkpoint_holds(
    traded: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only events after it are applied."""
    _write_checkpoint(traded, clock)
    _trade_on(traded, clock)
    applied: list[int] = []
    apply = Replica.apply

    def counted(self: Replica, entry: Entry) -> None:
        applied.append(entry.sequence)
        apply(self, entry)

    monkeypatch.setattr(Replica, "apply", counted)
    with opened(traded, clock=clock) as exchange:
        assert len(applied) < 6
        assert applied[-1] == exchange.sequence


def test_one_is_written_on_closing_when_enough_has_happened(traded: Path, reopen: Reopen) -> None:
    """By the setting; and not again before as much has happened since."""
    with reopen(checkpoint_every_events=5) as exchange:
        sequence = exchange.sequence
    assert [path.name for path in _checkpoints(traded)] == [f"{sequence:020d}.checkpoint"]
    written = _checkpoints(traded)[0].stat().st_mtime_ns
    reopen(checkpoint_every_events=5).close()
    assert _checkpoints(traded)[0].stat().st_mtime_ns == written


def test_the_newest_two_are_kept(traded: Path, clock: ManualClock) -> None:
    """Should the newest be damaged, the one before is there."""
    for _ in range(4):
        newest = _write_checkpoint(traded, clock)
        _trade_nothing_but_a_deposit(traded, clock)
    assert len(_checkpoints(traded)) == checkpoint.KEPT == 2
    assert _checkpoints(traded)[-1] == newest


def _trade_nothing_but_a_deposit(home: Path, clock: ManualClock) -> None:
    with opened(home, clock=clock) as exchange:
        exchange.as_admin("a").accounts.deposit("ann", "USD", "1.00")


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _of_another_version(path: Path) -> None:
    body = msgspec.msgpack.decode(path.read_bytes()[32:])
    body["state_version"] = STATE_VERSION + 1
    encoded = msgspec.msgpack.encode(body)
    path.write_bytes(hashlib.sha256(encoded).digest() + encoded)


@pytest.mark.parametrize("harm", [_damage, _truncate, _empty, _of_another_version])
def test_a_bad_checkpoint_is_skipped_and_named(
    traded: Path, clock: ManualClock, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The older one is taken, or the journal from its beginning; the state is right either way."""
    older = _write_checkpoint(traded, clock)
    _trade_on(traded, clock)
    newer = _write_checkpoint(traded, clock)
    with opened(traded, clock=clock) as exchange:
        expected = _everything(exchange)
    for bad in (newer, older):
        harm(bad)
        caplog.clear()
        with caplog.at_level(logging.WARNING), opened(traded, clock=clock) as exchange:
            assert _everything(exchange) == expected
            assert Floor(exchange).findings() == []
        assert any(str(bad) in record.getMessage() for record in caplog.records)


def test_a_checkpoint_of_another_exchange_is_skipped(
    traded: Path, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is of another history, however well it reads."""
    with opened(tmp_path / "other", clock=clock) as other:
        Floor(other).set_up("eve", "mal", "zoe")
    foreign = _write_checkpoint(tmp_path / "other", clock)
    (traded / "checkpoints").mkdir()
    (traded / "checkpoints" / foreign.name).write_bytes(foreign.read_bytes())
    with opened(traded, clock=clock) as exchange:
        assert Floor(exchange).findings() == []
    assert "it is not of this journal's history" in caplog.text


def test_a_checkpoint_of_a_future_that_was_lost_is_skipped(
    traded: Path, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """exchange.db was restored from before the checkpoint, and went on otherwise: the journal decides."""
    backup = (traded / FILE_NAME).read_bytes()
    _trade_on(traded, clock)
    _write_checkpoint(traded, clock)
    for suffix in ("-wal", "-shm"):
        Path(f"{traded / FILE_NAME}{suffix}").unlink(missing_ok=True)
    for file in traded.glob("trading_*"):
        file.unlink()
    (traded / FILE_NAME).write_bytes(backup)
    for _ in range(2):  # ahead of the journal first, then on another branch of it
        with opened(traded, clock=clock) as exchange:
            floor = Floor(exchange)
            for _ in range(6):
                floor.admin.accounts.deposit("ann", "USD", "1.00")
            assert floor.findings() == []
    assert caplog.text.count("it is not of this journal's history") == 2


def test_a_checkpoint_that_cannot_be_written_stops_nothing(
    traded: Path, reopen: Reopen, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk, say: here a file stands where the folder should be."""
    (traded / "checkpoints").write_bytes(b"")
    with reopen(checkpoint_every_events=1) as exchange:
        assert exchange.sequence > 1
    assert "no checkpoint was written" in caplog.text
