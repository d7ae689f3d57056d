"""Which users' files may be used: the list of those in quarantine, kept for all processes.

Here: refusing a file that is on the list, without opening it, and putting one there. Never here: the list's table (quarantine), what is
done about a file (repair).
Always: noting is a turn of its own, after whatever found the file wrong is over; trouble with noting is logged and stops nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from credit_trading.clock import Clock
from credit_trading.errors import StorageError, TradingError
from credit_trading.journal.live import LiveReplica
from credit_trading.store.sqlite import Connection, sqlite3
from credit_trading.users import catalogue, private, quarantine
from credit_trading.users.files import UserFiles
from credit_trading.users.history import history

_log = logging.getLogger(__name__)


class Admission:
    """Asked before a user's file is opened, told of every error that came of using it."""

    def __init__(self, live: LiveReplica, files: UserFiles, clock: Clock) -> None:
        self._live = live
        self._files = files
        self.clock = clock

    def check(self, number: int) -> None:
        """Raises FileQuarantined for a file that is on the list and is there; what was moved away is made anew."""
        with self._live.history() as log:
            listed = quarantine.find(log.connection, number)
            if listed is None:
                return
            user = catalogue.by_number(log.connection, number)
            is_private = private.is_marked(log.connection, number)
        path = self._files.path_for(user)
        if path.exists():
            self._files.let_go(number)
            raise listed.error(user.user_id, path)
        if not is_private:  # else making it anew is refused, and it stays on the list
            self.take_off(number, since_us=listed.since_us)

    def judge(self, number: int, error: TradingError) -> None:
        """Puts the file on the list if the error condemns it. Not to be called while the file is checked out."""
        with suppress(TradingError):
            path = self._files.path_of(number)
            if quarantine.condemns(error, number, path) and path.exists():
                self.put(number, error)

    def put(self, number: int, error: TradingError) -> None:
        """From now on no process uses the file."""
        now_us = self.clock.now_us()
        is_new: list[bool] = []
        self._files.let_go(number)
        try:
            self._note(
                number, lambda connection: is_new.append(quarantine.put(connection, number, error, since_us=now_us))
            )
        except (StorageError, sqlite3.Error) as reason:
            _log.warning("a file that is to be quarantined (%s) could not be noted: %s", error, reason)
        else:
            error.advising(quarantine.ways_out(self._user_id(number)))
            if is_new[-1]:
                _log.warning("in quarantine: %s", error)

    def take_off(self, number: int, *, since_us: int | None = None, private_facts_are_gone: bool = False) -> None:
        """The file may be used again, and with `since_us` only if it was put there then. Raises StorageError."""

        def write(connection: Connection) -> None:
            listed = quarantine.find(connection, number)
            if listed is not None and since_us in (None, listed.since_us):
                quarantine.take_off(connection, number)
            if private_facts_are_gone:
                private.unmark(connection, number)

        self._note(number, write)

    def mark_private(self, number: int) -> None:
        """From now on a missing file of the user's is an error, and the next backup copies it.

        The caller holds the user's rebuild lock until the private facts are committed: a backup that begins meanwhile waits for them.
        Raises NotFound for a user who is deleted, StorageError; and then nothing private may be written.
        """
        self._files.path_of(number)  # deleting takes that lock too
        with history(self._live) as log:
            if private.is_current(log.connection, number):
                return
        now_us = self.clock.now_us()
        self._note(number, lambda connection: private.mark(connection, number, since_us=now_us))

    def listed(self, number: int) -> quarantine.Listed | None:
        with history(self._live) as log:
            return quarantine.find(log.connection, number)

    def is_private(self, number: int) -> bool:
        with history(self._live) as log:
            return private.is_marked(log.connection, number)

    def _note(self, number: int, write: Callable[[Connection], None]) -> None:
        self._files.note("users.file", self._user_id(number), write, problem="whether this was noted is not known")

    def _user_id(self, number: int) -> str:
        with history(self._live) as log:
            return catalogue.by_number(log.connection, number).user_id
