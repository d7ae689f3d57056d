"""How far the journal may be moved into an archive: what each of those that follow it still needs in exchange.db.

Here: bringing followers forward, and where each stands then. Never here: moving anything (archiving).
Always: whoever is up to date needs no row up to the lowest hold, to go on or to start up.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from credit_trading.errors import TradingError
from credit_trading.journal import checkpoint
from credit_trading.marketdata.trade_history import TradeHistory
from credit_trading.store.locks import PROJECTOR
from credit_trading.store.sqlite import sqlite3
from credit_trading.trading.desk import Desk
from credit_trading.users import catalogue
from credit_trading.users.follower import Follower
from credit_trading.users.standing import Standing


@attrs.frozen
class Hold:
    """No row beyond `sequence` may be moved."""

    sequence: int
    why: str


def holds(desk: Desk, follower: Follower, history: TradeHistory) -> Iterator[Hold]:
    """Of checkpoints, users' files and market data, once they were brought forward as far as that is possible. Raises StorageError."""
    yield _of_checkpoints(desk)
    yield from _of_files(desk, follower)
    yield Hold(history.catch_up().sequence, "market data has come no further")


def _of_checkpoints(desk: Desk) -> Hold:
    """Starting up from either of the two that are kept reads the row at which it stands, and those beyond."""
    live = desk.live
    live.save_checkpoint(every_events=1)
    with live.history() as log:
        of_use = [one.sequence for one in checkpoint.inspect(live.checkpoints, log) if one.problem is None]
    sequences = [sequence for sequence in of_use if sequence is not None] or [1]
    oldest, newest = min(sequences), max(sequences)
    which = "older" if newest > oldest else "only"
    why = f"the {which} checkpoint stands at {oldest}, and two are kept: repeat this once there are events beyond {newest}, it makes one"
    return Hold(oldest - 1, why)


def _of_files(desk: Desk, follower: Follower) -> Iterator[Hold]:
    """Where all are at least; and of each that is behind, its own place."""
    locks = desk.live.lock_file
    if locks.try_acquire(PROJECTOR):  # else another process follows
        try:
            follower.follow()
        finally:
            locks.release(PROJECTOR)
    mark = follower.mark()
    if mark is None:
        yield Hold(0, "it is not known how far users' files have come: credit-trading users catch-up")
        return
    yield Hold(mark.position.sequence, "users' files have come no further")
    for number in sorted(mark.behind):
        with desk.live.history() as log:
            user = catalogue.by_number(log.connection, number)
        yield Hold(
            _position_of(desk, number),
            f"the file of {user.user_id} cannot be brought forward: credit-trading rebuild {user.user_id}",
        )


def _position_of(desk: Desk, number: int) -> int:
    """0 for a file that cannot be read: whatever mends it may need all of the user's history."""
    try:
        with desk.files.as_it_is(number) as connection:
            if connection is None:
                return 0
            return Standing.of(connection, desk.files.path_of(number)).position.sequence
    except (TradingError, sqlite3.Error):
        return 0
