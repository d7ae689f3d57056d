"""Checkpoints: a hint that saves time, and never a second truth."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from credit_trading import Exchange, ManualClock
from credit_trading.errors import FileAhead
from credit_trading.exchange.events import Entry
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import STATE_VERSION, dump, restore
from credit_trading.journal import checkpoint
from credit_trading.journal.log import FILE_NAME, Log
from credit_trading.store.files import STALE_AFTER_S
from tests.floor import CASH, Floor, opened

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
    """A closed exchange with orders in the book and outside, trades, rejections and something pending, and no checkpoint."""
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        floor.place("ann", "sell", 10, "12.50", client_order_id="mine")
        floor.place("bob", "buy", 4, "12.50")
        floor.place("bob", "buy", 4, "12.00", expires_at="2026-02-01T00:00:00Z")
        outside = floor.place("bob", "buy", 4, "12.00", route="external")
        bob = floor.admin.on_behalf_of("bob")
        bob.orders.update_order_progress(outside.order_id, quantity=1, price="11.50")
        for seconds in (30, 90):
            expires_at_us = clock.now_us() + seconds * 1_000_000
            bob.transactions.record_transaction("fee", CASH, "1.00", status="pending", expires_at=expires_at_us)
    assert _checkpoints(home) == []
    return home


def _trade_on(home: Path, clock: ManualClock) -> None:
    clock.advance(60)
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange)
        floor.place("bob", "buy", 3, "12.50")
        floor.user("ann").orders.cancel_order(client_order_id="mine")
        with exchange._live.reading() as replica:
            assert len(replica.pending_transactions) == 1, "one of them has expired meanwhile"


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
    """The label in front says so; all else is as it was, the digest at the end included."""
    content = path.read_bytes()
    length = int.from_bytes(content[:4], "big")
    label = msgspec.msgpack.decode(content[4 : 4 + length])
    label["state_version"] = STATE_VERSION + 1
    encoded = msgspec.msgpack.encode(label)
    body = len(encoded).to_bytes(4, "big") + encoded + content[4 + length : -32]
    path.write_bytes(body + hashlib.sha256(body).digest())


def _without_label(path: Path) -> None:
    path.write_bytes(hashlib.sha256(b"").digest())


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


HARMS = [_damage, _truncate, _empty, _of_another_version, _without_label, _a_folder]


@pytest.mark.parametrize("harm", HARMS)
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
            assert all(finding.startswith("checkpoints/") for finding in Floor(exchange).findings())
        assert any(str(bad) in record.getMessage() for record in caplog.records)


def test_a_checkpoint_of_another_exchange_is_skipped(
    traded: Path, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is of another history, however well it reads."""
    with opened(tmp_path / "other", clock=clock) as other:
        Floor(other).set_up("eve", "mal", "zoe")
    foreign = _write_checkpoint(tmp_path / "other", clock)
    (traded / "checkpoints").mkdir(0o700)
    (traded / "checkpoints" / foreign.name).write_bytes(foreign.read_bytes())
    with opened(traded, clock=clock) as exchange:
        findings = Floor(exchange).findings()
        assert findings
        assert all(finding.startswith("checkpoints") for finding in findings)
    assert "it is not of this journal's history" in caplog.text


def test_an_old_exchange_db_is_refused_while_a_checkpoint_knows_more(
    traded: Path, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Going on would give out sequences twice. Once the future is given up, its checkpoint is of another history, and is skipped."""
    backup = (traded / FILE_NAME).read_bytes()
    _trade_on(traded, clock)
    _write_checkpoint(traded, clock)
    for suffix in ("-wal", "-shm"):
        Path(f"{traded / FILE_NAME}{suffix}").unlink(missing_ok=True)
    for file in traded.glob("trading_*"):
        file.unlink()
    (traded / FILE_NAME).write_bytes(backup)
    (newest, *_) = sorted((traded / "checkpoints").iterdir(), reverse=True)
    with pytest.raises(FileAhead, match=rf"it is an old one: it ends at sequence \d+, and {newest.name} knows more"):
        opened(traded, clock=clock)
    assert (traded / FILE_NAME).read_bytes() == backup
    aside = newest.rename(tmp_path / newest.name)
    for _ in range(2):
        with opened(traded, clock=clock) as exchange:
            for _ in range(6):
                Floor(exchange).admin.accounts.deposit("ann", "USD", "1.00")
    aside.rename(newest)
    with opened(traded, clock=clock) as exchange:
        assert Floor(exchange).admin.databases.catch_up() == 0
        assert [finding.split("/")[0] for finding in Floor(exchange).findings()] == ["checkpoints"]
    assert "it is not of this journal's history" in caplog.text


def test_a_checkpoint_that_cannot_be_written_stops_nothing(
    traded: Path, reopen: Reopen, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk, say: here a file stands where the folder should be."""
    (traded / "checkpoints").write_bytes(b"")
    with reopen(checkpoint_every_events=1) as exchange:
        assert exchange.sequence > 1
    assert "no checkpoint was written" in caplog.text


def test_what_is_there_is_told(traded: Path, clock: ManualClock, tmp_path: Path) -> None:
    """The newest first: which are of use, and what is wrong with the others."""
    older = _write_checkpoint(traded, clock)
    _trade_on(traded, clock)
    newer = _write_checkpoint(traded, clock)
    assert _told(traded) == [(newer.name, _number(newer), None), (older.name, _number(older), None)]
    written_at_us = newer.stat().st_mtime_ns // 1000
    with closing(Log.open(traded / FILE_NAME)) as log:
        assert checkpoint.inspect(newer.parent, log)[0].written_at_us == written_at_us
        assert checkpoint.inspect(tmp_path / "absent", log) == []
    _of_another_version(newer)
    _damage(older)
    (newer.parent / "notes.checkpoint").write_text("not a number")
    assert _told(traded) == [
        ("notes.checkpoint", None, "it is damaged or of another format"),
        (newer.name, _number(newer), f"it is of version {STATE_VERSION + 1}, not {STATE_VERSION}"),
        (older.name, _number(older), "it is damaged or of another format"),
    ]


def _told(home: Path) -> list[tuple[str, int | None, str | None]]:
    with closing(Log.open(home / FILE_NAME)) as log:
        return [(one.path.name, one.sequence, one.problem) for one in checkpoint.inspect(home / "checkpoints", log)]


def _number(path: Path) -> int:
    return int(path.stem)


@pytest.mark.parametrize("harm", HARMS)
def test_the_newest_that_is_of_use_is_never_removed(
    traded: Path, clock: ManualClock, harm: Callable[[Path], None]
) -> None:
    """However many bad ones claim to be newer, and whatever the files' times say; the bad ones go, but for what is a folder."""
    good = _write_checkpoint(traded, clock)
    for ahead in (1_000, 2_000, 3_000):
        bad = good.with_name(f"{ahead:020d}.checkpoint")
        bad.write_bytes(good.read_bytes())
        harm(bad)
    _trade_on(traded, clock)
    os.utime(good, (1, 1))
    with opened(traded, clock=clock) as exchange:
        head = exchange.sequence
        exchange._live.save_checkpoint(every_events=1)
    kept = [path for path in _checkpoints(traded) if path.is_file()]
    assert [_number(path) for path in kept] == [_number(good), head]
    _damage(kept[1])
    with opened(traded, clock=clock) as exchange:
        assert exchange._live._checkpointed == _number(good)


def test_processes_that_write_at_once_do_no_harm(traded: Path, clock: ManualClock) -> None:
    """Each writes and removes as it likes: one of use is there at every moment, and the last is there in the end."""
    with opened(traded, clock=clock) as one, opened(traded, clock=clock) as two:
        floor = Floor(one)
        floor.exchange._live.save_checkpoint(every_events=1)
        threads = [Thread(target=_save_again_and_again, args=(exchange,)) for exchange in (one, two)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            floor.admin.accounts.deposit("ann", "USD", "1.00")
            assert any(problem is None for _, _, problem in _told(traded))
        for thread in threads:
            thread.join()
        one._live.save_checkpoint(every_events=1)
        expected = _everything(one)
    problems = [problem for _, _, problem in _told(traded)]
    assert 1 <= len(problems) <= 3
    assert problems == [None] * len(problems)
    with opened(traded, clock=clock) as exchange:
        assert _everything(exchange) == expected


def _save_again_and_again(exchange: Exchange) -> None:
    for place in range(20):
        exchange._live.save_checkpoint(every_events=1, at_rest=bool(place % 2))


def test_what_a_crash_left_half_written_is_swept(traded: Path, clock: ManualClock) -> None:
    """After an hour: until then somebody may be writing it."""
    folder = _write_checkpoint(traded, clock).parent
    left, fresh = folder / ".writing-left", folder / ".writing-fresh"
    for path in (left, fresh):
        path.write_bytes(b"half of it")
    before = time.time() - STALE_AFTER_S - 1
    os.utime(left, (before, before))
    _trade_nothing_but_a_deposit(traded, clock)
    _write_checkpoint(traded, clock)
    assert not left.exists()
    assert fresh.exists()


def test_a_checkpoint_that_has_forgotten_commands_is_found(traded: Path, clock: ManualClock) -> None:
    """It is of this history, with the right balances and orders; who goes on from it would do a repeated command twice."""
    with opened(traded, clock=clock) as exchange:
        live = exchange._live
        with live.reading() as replica:
            forgetful = restore(dump(replica))
            forgetful.answers.clear()
            checkpoint.save(live.checkpoints, forgetful, live._hash, live.log)
        found = Floor(exchange).findings()
        assert len(found) == 1
        assert "what it remembers of commands is not what the journal leads to" in found[0]
