"""Answers to what is asked of users' files, kept in memory for as long as they are true.

Here: which answer may be given again, and how long a question took. Never here: the questions (tables), what they are asked for (trading).
Always: an answer is given again only at the position of its user's history at which it was read; a file that has been put in quarantine
since is refused all the same. Giving one again asks SQLite for nothing but the version of exchange.db.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sized
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any, TypeVar, cast

import attrs

from credit_trading.journal.live import LiveReplica
from credit_trading.store.sqlite import Connection
from credit_trading.users.projector import Projector
from credit_trading.users.reading.listener import Listener
from credit_trading.users.reading.reads import Reads

T = TypeVar("T")

MOST_ROWS = 200
"""An answer of more is not kept."""

ROWS_EACH = 20
"""So many rows are kept for each of the most answers that may be; long ones make others go sooner."""

_all: weakref.WeakSet[KeptAnswers] = weakref.WeakSet()


@attrs.define(eq=False)
class _Kept:
    """`position` is the sequence of the user's last event, `stand` that of exchange.db when the answer was last known to be true."""

    answer: Any
    position: int
    stand: int
    rows: int


class KeptAnswers:
    """Of one process; the least recently used go first once there are more than `most`. May be used from many threads."""

    def __init__(self, live: LiveReplica, projector: Projector, reads: Reads, *, most: int, slow_ms: int) -> None:
        self._live = live
        self._projector = projector
        self._reads = reads
        self._most = most
        self._slow_us = slow_ms * 1000
        self._forget()
        _all.add(self)

    def _forget(self) -> None:
        self._mutex = threading.Lock()
        self._kept: OrderedDict[tuple[int, Hashable], _Kept] = OrderedDict()
        self._rows = 0

    def read(self, number: int, question: Hashable, answer: Callable[[Connection], T]) -> T:
        """What `answer` reads from the user's file as of the journal's head, in one moment of the file.

        `question` names the answer among all that are asked of a user's file; the answer must not depend on anything else, and not be
        changed by whoever gets it. Raises what bringing the file forward raises.
        """
        with self._live.reading() as replica:
            stand, position = self._live.stand, replica.users[number].last_sequence
        with self._mutex:
            kept = self._kept.get((number, question))
            if kept is not None:
                self._kept.move_to_end((number, question))
        if kept is not None and kept.position == position:
            if kept.stand != stand:  # somebody has committed something since, which may concern the file itself
                self._projector.admission.check(number)
                kept.stand = stand
            self._reads.count(hit=True)
            return cast(T, kept.answer)
        found = self._ask(number, answer)
        self._reads.count(hit=False)
        rows = len(found) if isinstance(found, Sized) else 1
        if rows <= MOST_ROWS:
            self._keep((number, question), _Kept(found, position, stand, rows))
        return found

    @contextmanager
    def listening(self, number: int) -> Iterator[Connection]:
        """The user's file, caught up, for what is not kept: whoever executes statements within is told if it took long."""
        with self._projector.caught_up(number) as connection:
            listener = Listener(connection)
            begun_ns = perf_counter_ns()
            yield cast(Connection, listener)
            took_us = (perf_counter_ns() - begun_ns) // 1000
            slow = listener.slowest() if took_us >= self._slow_us else None
        if slow is not None:
            self._reads.add_slow(*slow, took_us=took_us)

    def after_fork_in_child(self) -> None:
        """A thread that is not here may have had the lock, in the middle of a change."""
        self._forget()
        self._reads.after_fork_in_child()

    def _keep(self, key: tuple[int, Hashable], kept: _Kept) -> None:
        with self._mutex:
            before = self._kept.pop(key, None)
            self._kept[key] = kept
            self._rows += kept.rows - (before.rows if before else 0)
            while len(self._kept) > self._most or self._rows > self._most * ROWS_EACH:
                _, oldest = self._kept.popitem(last=False)
                self._rows -= oldest.rows

    def _ask(self, number: int, answer: Callable[[Connection], T]) -> T:
        with self.listening(number) as connection:
            connection.execute("BEGIN")
            try:
                return answer(connection)
            finally:
                connection.execute("ROLLBACK")


def _after_fork_in_child() -> None:
    for kept in list(_all):
        kept.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
