"""What restoring a user's file stands on: a journal, users' files, and what brings these forward.

Here: that, as an opened exchange has it, and as it is where no exchange is opened. Never here: services, trading.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import attrs

from credit_trading.clock import Clock, SystemClock
from credit_trading.journal.live import LiveReplica
from credit_trading.users.files import UserFiles
from credit_trading.users.projector import Projector

_FILES_OPEN = 4
_TIMEOUT_S = 10.0


class Ground(Protocol):
    """For instance the desk of an opened exchange."""

    @property
    def live(self) -> LiveReplica: ...

    @property
    def files(self) -> UserFiles: ...

    @property
    def projector(self) -> Projector: ...


@attrs.frozen
class Bare:
    """By itself."""

    live: LiveReplica
    files: UserFiles
    projector: Projector


@contextmanager
def bare(folder: Path, *, files_in: Path | None = None, clock: Clock | None = None) -> Iterator[Bare]:
    """Of the exchange.db in `folder`, which nobody else uses; users' files stand there too, or in `files_in`."""
    live = LiveReplica(folder, lock_timeout_s=_TIMEOUT_S)
    files = UserFiles(files_in or folder, live, pool_size=_FILES_OPEN, lock_timeout_s=_TIMEOUT_S)
    with ExitStack() as closing:
        closing.callback(live.close)
        closing.callback(files.close)
        yield Bare(live, files, Projector(live, files, clock or SystemClock()))
