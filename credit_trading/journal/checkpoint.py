"""The replica on disk, so that opening replays a tail and not all of history.

Here: the files, which of them are of use, which are removed. Never here: when one is written (live).
Always: a checkpoint is a hint; one that is damaged, foreign or of another version is skipped and named, and the journal decides. Several
processes may write and remove at once: a file appears whole, and the newest one of use is never removed.

A file holds frames, each four bytes of length and a MessagePack value: first which state it is (`_Label`), then the replica's head and its
parts; and at its end the SHA-256 of all before it. Short frames, so that reading and writing can let other threads work in between.
"""

from __future__ import annotations

import hashlib
import logging
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Protocol

import attrs
import msgspec

from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import STATE_VERSION, Head, Part, assemble, head, parts
from credit_trading.journal.bulk import Uncollected, without_rest
from credit_trading.journal.follower import Position
from credit_trading.store.files import make_private_folder, sweep_unfinished, write_durably

_log = logging.getLogger(__name__)

KEPT = 2

_LENGTH = struct.Struct(">I")
_DIGEST_BYTES = 32


class History(Protocol):
    """The journal that a checkpoint must lie on."""

    @property
    def exchange_id(self) -> str: ...

    def hash_at(self, sequence: int) -> bytes | None:
        """The chain hash there; None beyond the end."""


@attrs.frozen(kw_only=True)
class Checkpoint:
    """A file that is there. `sequence` is None where it cannot be read, `problem` says why it is of no use, None that it is."""

    path: Path
    sequence: int | None
    written_at_us: int
    problem: str | None


class _OlderVersion(ValueError):
    """Nothing is wrong with it: it was written before an update, and another one will take its place."""


class _Label(msgspec.Struct, frozen=True):
    state_version: int
    exchange_id: str
    sequence: int
    hash: bytes


def save(
    folder: Path, replica: Replica, chain_hash: bytes, history: History, *, pace: Callable[[], None] = without_rest
) -> Path:
    """Writes `replica` as of its sequence, and removes all but this and the newest other of use. The replica must not change meanwhile.

    Raises Unwritable, StorageError.
    """
    make_private_folder(folder)
    sweep_unfinished(folder)
    content = BytesIO()
    content.write(_frame(_Label(STATE_VERSION, replica.exchange_id, replica.sequence, chain_hash)))
    content.write(_frame(head(replica)))
    with Uncollected():
        for part in parts(replica):
            content.write(_frame(part))
            pace()
    content.write(hashlib.sha256(content.getbuffer()).digest())
    path = folder / f"{replica.sequence:020d}.checkpoint"
    write_durably(path, content.getvalue())
    _remove_others(folder, path, history)
    return path


def load(folder: Path, history: History, *, pace: Callable[[], None] = without_rest) -> tuple[Replica, bytes] | None:
    """The newest checkpoint that lies on the history, with the chain hash there; None if there is none."""
    for path in _newest_first(folder):
        try:
            frames = _checked(path.read_bytes())
            label = _label(frames, history)
            with Uncollected():
                return assemble(_HEAD.decode(next(frames)), _parts(frames, pace)), label.hash
        except (OSError, ValueError) as error:
            level = logging.INFO if isinstance(error, _OlderVersion) else logging.WARNING
            _log.log(level, "checkpoint %s is skipped: %s", path, error)
    return None


def inspect(folder: Path, history: History) -> list[Checkpoint]:
    """All that are there, the newest first. Reads each file whole; one that goes meanwhile is left out."""
    found = []
    for path in _newest_first(folder):
        with suppress(FileNotFoundError):
            found.append(_inspected(path, history))
    return found


def ahead(folder: Path, exchange_id: str, end: Callable[[], int]) -> Path | None:
    """One that knows this exchange's journal beyond its end, which is asked for after looking at the file: others may write meanwhile.

    Only those are read whose names say so.
    """
    for path in _newest_first(folder):
        if path.stem.isdecimal() and int(path.stem) > end():
            with suppress(OSError, ValueError):
                position = position_of(path)
                if position is not None and position.exchange_id == exchange_id and position.sequence > end():
                    return path
    return None


def position_of(path: Path) -> Position | None:
    """Where one file says that it stands, on whatever history; None if another version wrote it. Raises OSError, ValueError."""
    try:
        label = _LABEL.decode(next(_checked(path.read_bytes()), b""))
    except _OlderVersion:
        return None
    return Position(label.exchange_id, label.sequence, label.hash) if label.state_version == STATE_VERSION else None


def read(path: Path) -> Replica:
    """The state in one file of this version. Raises OSError, ValueError."""
    frames = _checked(path.read_bytes())
    next(frames)
    with Uncollected():
        return assemble(_HEAD.decode(next(frames)), _parts(frames, without_rest))


def _inspected(path: Path, history: History) -> Checkpoint:
    written_at_us = path.stat().st_mtime_ns // 1000
    sequence = int(path.stem) if path.stem.isdecimal() else None
    problem = None
    try:
        _label(_checked(path.read_bytes()), history)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        problem = str(error)
    return Checkpoint(path=path, sequence=sequence, written_at_us=written_at_us, problem=problem)


def _newest_first(folder: Path) -> list[Path]:
    """By their sequences. The file's time says nothing: clocks go back, and files are copied."""
    return sorted(folder.glob("*.checkpoint"), key=lambda path: path.name, reverse=True)


def _checked(content: bytes) -> Iterator[memoryview]:
    """The frames of a whole file. Raises ValueError."""
    view = memoryview(content)
    body, digest = view[:-_DIGEST_BYTES], view[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() == digest:
        return _frames(body)
    if hashlib.sha256(view[_DIGEST_BYTES:]).digest() == view[:_DIGEST_BYTES]:  # versions 1 and 2 had it in front
        raise _OlderVersion(f"it is of an older version than {STATE_VERSION}")
    raise ValueError("it is damaged or of another format")


def _frames(body: memoryview) -> Iterator[memoryview]:
    place = 0
    while place < len(body):
        (length,) = _LENGTH.unpack_from(body, place)
        place += _LENGTH.size + length
        yield body[place - length : place]


def _label(frames: Iterator[memoryview], history: History) -> _Label:
    """Raises ValueError for a state that is not of this version or history."""
    label = _LABEL.decode(next(frames, b""))
    if label.state_version != STATE_VERSION:
        kind = _OlderVersion if label.state_version < STATE_VERSION else ValueError
        raise kind(f"it is of version {label.state_version}, not {STATE_VERSION}")
    if label.exchange_id != history.exchange_id or history.hash_at(label.sequence) != label.hash:
        raise ValueError("it is not of this journal's history")
    return label


def _parts(frames: Iterator[memoryview], pace: Callable[[], None]) -> Iterator[Part]:
    for frame in frames:
        yield _PART.decode(frame)
        pace()


def _frame(value: object) -> bytes:
    encoded = _encode(value)
    return _LENGTH.pack(len(encoded)) + encoded


def _remove_others(folder: Path, written: Path, history: History) -> None:
    others = [checkpoint for checkpoint in inspect(folder, history) if checkpoint.path != written]
    kept = {checkpoint.path for checkpoint in [one for one in others if one.problem is None][: KEPT - 1]}
    for checkpoint in others:
        if checkpoint.path not in kept:
            _remove(checkpoint.path)


def _remove(path: Path) -> None:
    """What cannot be removed stays, and costs space only."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s cannot be removed: %s", path, error)


_encode = msgspec.msgpack.Encoder().encode
_LABEL = msgspec.msgpack.Decoder(_Label)
_HEAD = msgspec.msgpack.Decoder(Head)
_PART = msgspec.msgpack.Decoder(Part)
