"""Bugs that an exchange might have, each to be planted for a while: a harness that does not see them proves nothing.

Here: one context manager for each, by putting something wrong in the place of what is right. Never here: how they are found.
Always: after the `with` everything is as it was; plant them in a process of their own, for what they have done stays done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from credit_trading.exchange.fees import buy_hold
from credit_trading.exchange.replica import Replica
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import Log
from credit_trading.store.sqlite import Connection, connect, immediate
from credit_trading.users import projector, replacing, scratch
from credit_trading.users.projector import Projector


@contextmanager
def nothing() -> Iterator[None]:
    """No bug: what the others are compared with."""
    yield


@contextmanager
def acknowledgement_before_commit() -> Iterator[None]:
    """The answer is given while the transaction is still open; its COMMIT comes before the next use of the journal."""
    waiting: list[LiveReplica] = []
    commit, roll_back = LiveReplica._commit, LiveReplica._roll_back

    def settled_first(real: Callable[[LiveReplica], Any]) -> Callable[[LiveReplica], Any]:
        def use(live: LiveReplica) -> Any:
            if live in waiting:
                waiting.remove(live)
                commit(live)
            return real(live)

        return use

    with ExitStack() as stack:
        for name in ("writing", "reading", "history", "close"):
            stack.enter_context(patch.object(LiveReplica, name, settled_first(getattr(LiveReplica, name))))
        stack.enter_context(patch.object(LiveReplica, "_commit", lambda live: waiting.append(live)))
        stack.enter_context(
            patch.object(LiveReplica, "_roll_back", lambda live: None if live in waiting else roll_back(live))
        )
        stack.enter_context(patch.object(Projector, "catch_up_after_commit", lambda *_: None))
        yield


@contextmanager
def position_in_another_transaction() -> Iterator[None]:
    """A user's rows are committed first, and in a transaction after that up to where they go."""
    ahead: dict[Connection, tuple[Any, ...]] = {}
    read = "SELECT applied_sequence, applied_hash, event_number FROM metadata"
    write = "UPDATE metadata SET applied_sequence = ?, applied_hash = ?, event_number = ?"
    apply = Projector._apply

    def only_rows(self: Projector, connection: Connection, *rest: Any) -> None:
        before = connection.execute(read).fetchone()
        apply(self, connection, *rest)
        ahead[connection] = connection.execute(read).fetchone()
        connection.execute(write, before)

    @contextmanager
    def then_position(connection: Connection) -> Iterator[Connection]:
        with immediate(connection):
            yield connection
        if connection in ahead:
            with immediate(connection):
                connection.execute(write, ahead.pop(connection))

    with patch.object(Projector, "_apply", only_rows), patch.object(projector, "immediate", then_position):
        yield


@contextmanager
def no_fence() -> Iterator[None]:
    """After a COMMIT that raised the journal is looked into at once, and what is not seen there counts as not taken."""

    def forget(live: LiveReplica) -> None:
        live._fence_needed = False

    with patch.object(LiveReplica, "fence", forget):
        yield


@contextmanager
def replica_kept() -> Iterator[None]:
    """After a COMMIT that raised the replica still has what is not in the journal, and nobody looks whether it fits."""
    append, discard, catch_up = Log.append, LiveReplica._discard, LiveReplica._catch_up
    hashes: list[bytes] = []

    def remember(self: Log, *given: Any) -> bytes:
        hashes.append(append(self, *given))
        return hashes[-1]

    def keep(live: LiveReplica) -> None:
        replica = live._replica
        discard(live)
        live._replica, live._hash = replica, hashes[-1]

    def look_away(live: LiveReplica, replica: Replica) -> None:
        if replica.sequence <= live.log.head()[0]:
            catch_up(live, replica)

    with (
        patch.object(Log, "append", remember),
        patch.object(LiveReplica, "_discard", keep),
        patch.object(LiveReplica, "_catch_up", look_away),
    ):
        yield


@contextmanager
def renamed_over_live_file() -> Iterator[None]:
    """A file that is rebuilt or put back takes the live one's name, while handles and a WAL of the old one are there."""

    def rename_over(live: Connection, whole: Connection) -> None:
        path = live.execute("PRAGMA database_list").fetchone()[2]
        made = connect(f"{path}.new", mode="rwc")
        whole.backup(made)
        made.close()
        os.rename(f"{path}.new", path)

    with ExitStack() as stack:
        for room in (projector, replacing, scratch):
            stack.enter_context(patch.object(room, "write_into", rename_over))
        yield


@contextmanager
def hold_one_unit_short() -> Iterator[None]:
    """A buy that comes in keeps one unit too little."""

    def one_less(**of: int) -> int:
        return max(0, buy_hold(**of) - 1)

    with patch("credit_trading.exchange.order_rules.buy_hold", one_less):
        yield
