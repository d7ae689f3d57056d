"""The low-water mark: how far every user's file has come at least. A hint that outlives the process.

Here: reading and writing it. Never here: bringing files forward (follower).
Always: what it says is true, or it is not used: a mark that is damaged, of another exchange, of another history or ahead of the journal
counts as none, and so does one from before the machine was last started: users' files are not synced at each commit, so that a power
cut may have put them back behind it. Without a mark all files are looked at once.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Self

import attrs
import msgspec

from credit_trading.errors import FileForeign
from credit_trading.journal.follower import Position
from credit_trading.journal.log import Log
from credit_trading.store.files import write_durably

_log = logging.getLogger(__name__)

FILE_NAME = "caught_up.json"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Linux tells each start of the machine from all others. Elsewhere a mark serves as long as the process that wrote it."""


class _File(msgspec.Struct, frozen=True):
    exchange_id: str
    sequence: int
    hash: str
    behind: list[int]
    boot: str = ""


@attrs.frozen
class Mark:
    """Every user's file is at least at `position`, but for those of the users in `behind`, by number."""

    position: Position
    behind: frozenset[int] = frozenset()

    @classmethod
    def ahead_of(cls, home: Path, log: Log) -> int | None:
        """The sequence up to which it knows this exchange's journal, if that does not go so far; None otherwise."""
        try:
            file = msgspec.json.decode((home / FILE_NAME).read_bytes(), type=_File)
        except (OSError, ValueError):
            return None
        return file.sequence if file.exchange_id == log.exchange_id and file.sequence > log.head()[0] else None

    @classmethod
    def read(cls, home: Path, log: Log) -> Self | None:
        """None where there is none that can be used."""
        path = home / FILE_NAME
        try:
            file = msgspec.json.decode(path.read_bytes(), type=_File)
            if file.boot != _this_boot():
                _log.info("%s is not used, all users' files are looked at: the machine was started since", path)
                return None
            mark = cls(Position(file.exchange_id, file.sequence, bytes.fromhex(file.hash)), frozenset(file.behind))
            mark.position.check(log, follower=str(path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, FileForeign) as error:  # msgspec's errors are ValueErrors
            problem = error.problem if isinstance(error, FileForeign) else error
            _log.warning("%s is not used, all users' files are looked at: %s", path, problem)
            return None
        return mark

    def write(self, home: Path) -> None:
        """Raises StorageError."""
        at = self.position
        file = _File(at.exchange_id, at.sequence, at.hash.hex(), sorted(self.behind), _this_boot())
        write_durably(home / FILE_NAME, msgspec.json.encode(file))


def _this_boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"process {os.getpid()}"
