"""Bringing all users' files to this version, instead of each when it is next opened.

Here: which are left to do, and doing them side by side. Never here: one file's steps (projector, tables.migrations), exchange.db (opening
the exchange has brought that forward).
Always: what is done is done, so that a second run has only the rest; a file that cannot be migrated holds up no other, and is named with
its reason. Others may use the files meanwhile, and may migrate them too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs

from credit_trading.errors import NotFound, TradingError
from credit_trading.journal.live import LiveReplica
from credit_trading.progress import Progress
from credit_trading.store.migrations import version_of
from credit_trading.users import catalogue
from credit_trading.users.files import UserFiles
from credit_trading.users.handles import as_user_file, check_format
from credit_trading.users.history import history
from credit_trading.users.projector import FILES_AT_ONCE, Projector
from credit_trading.users.tables.schema import SCHEMA_VERSION
from credit_trading.users.versions import LeftAlone

_AT_ONCE = 256
"""Files that are handed out together."""


@attrs.frozen(kw_only=True)
class Migrated:
    """So many files were `current` before; `migrated` are now, by whomever; `left_alone` are not."""

    current: int
    migrated: int
    left_alone: Sequence[LeftAlone]


class Migrating:
    """For the files of one opened exchange."""

    def __init__(self, live: LiveReplica, files: UserFiles, projector: Projector) -> None:
        self._live = live
        self._files = files
        self._projector = projector

    def run(self, *, progress: Progress) -> Migrated:
        """Every file that is there or should be; who is deleted meanwhile is passed over."""
        numbers = self._projector.active_numbers()
        current, migrated, left = 0, 0, list[LeftAlone]()
        for done, (number, outcome) in enumerate(self._all(numbers), 1):
            if isinstance(outcome, NotFound):
                pass
            elif isinstance(outcome, TradingError):
                left.append(self._left_alone(number, outcome))
            elif outcome:
                migrated += 1
            else:
                current += 1
            progress(done, len(numbers))
        return Migrated(current=current, migrated=migrated, left_alone=left)

    def _all(self, numbers: Sequence[int]) -> Iterator[tuple[int, bool | TradingError]]:
        """Several at a time: what is slow is the fsync of each."""
        with ThreadPoolExecutor(FILES_AT_ONCE, "migrate") as pool:
            for start in range(0, len(numbers), _AT_ONCE):
                some = numbers[start : start + _AT_ONCE]
                yield from zip(some, pool.map(self._migrate, some), strict=True)

    def _migrate(self, number: int) -> bool | TradingError:
        """Whether there was anything to do, or what keeps it from being done."""
        try:
            if self._is_current(number):
                return False
            with self._projector.caught_up(number):
                return True
        except TradingError as error:
            return error

    def _is_current(self, number: int) -> bool:
        """By the file's header alone. Whatever is wrong with a file is for the projector to say."""
        path = self._files.path_of(number)
        try:
            with as_user_file(path), self._files.as_it_is(number) as connection:
                if connection is None:
                    return False
                check_format(connection, path)
                return version_of(connection) == SCHEMA_VERSION
        except NotFound:
            raise
        except TradingError:
            return False

    def _left_alone(self, number: int, error: TradingError) -> LeftAlone:
        with history(self._live) as log:
            user = catalogue.by_number(log.connection, number)
        return LeftAlone(user.user_id, user.file_name or "", str(error))
