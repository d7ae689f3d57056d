"""The replica on disk, so that opening replays a tail and not all of history.

Always: a checkpoint is a hint. One that is damaged, foreign or of another version is skipped and named in the log; the journal decides.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import msgspec

from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import STATE_VERSION, ReplicaState, dump, restore
from credit_trading.journal.log import Log
from credit_trading.store.files import make_private_folder, write_durably

_log = logging.getLogger(__name__)

KEPT = 2


class _File(msgspec.Struct, frozen=True):
    state_version: int
    hash: bytes
    state: ReplicaState


def save(folder: Path, replica: Replica, chain_hash: bytes) -> Path:
    """Writes `replica` as of its sequence, and removes all but the newest two."""
    make_private_folder(folder)
    body = msgspec.msgpack.encode(_File(STATE_VERSION, chain_hash, dump(replica)))
    path = folder / f"{replica.sequence:020d}.checkpoint"
    write_durably(path, hashlib.sha256(body).digest() + body)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def load(folder: Path, log: Log) -> tuple[Replica, bytes] | None:
    """The newest checkpoint that lies on the log's history, with the chain hash there; None if there is none."""
    for path in _newest_first(folder):
        try:
            return _read(path, log)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            _log.warning("checkpoint %s is skipped: %s", path, error)
    return None


def _newest_first(folder: Path) -> list[Path]:
    """By when they were written: after an older exchange.db was put back, a higher number is no sign of a later state."""
    return sorted(folder.glob("*.checkpoint"), key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def _read(path: Path, log: Log) -> tuple[Replica, bytes]:
    content = path.read_bytes()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        raise ValueError("it is damaged")
    file = msgspec.msgpack.decode(content[32:], type=_File)
    if file.state_version != STATE_VERSION:
        raise ValueError(f"it is of version {file.state_version}, not {STATE_VERSION}")
    if file.state.founded.exchange_id != log.exchange_id or log.hash_at(file.state.sequence) != file.hash:
        raise ValueError("it is not of this journal's history")
    return restore(file.state), file.hash
