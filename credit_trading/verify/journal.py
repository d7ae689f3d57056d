"""The journal, row by row: the chain, the notes, every user's own history, and the state that all of it leads to.

Here: from the first row on (Walk), and the last rows alone (check_tail). Never here: reading rows (rows), checkpoints, files.
Always: the chain is followed to its end, whatever is wrong in the middle; nothing is replayed beyond the first row that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from credit_trading.errors import TradingError
from credit_trading.exchange import events as ev
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.replica import Replica
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import UPGRADED
from credit_trading.journal.rows import FIRST_HASH, HASH, NOTE, Row, decode, row_hash
from credit_trading.verify.archived import check_kept, check_segments
from credit_trading.verify.erased import Erased
from credit_trading.verify.finding import EXCHANGE, RESTORE, Finding, shortened
from credit_trading.verify.notes import check_note
from credit_trading.verify.rows import Stretch, stretch_from
from credit_trading.verify.steps import Steps

MOST_BROKEN = 20
"""Rows with a broken chain, after which the walk ends: the journal is not a little damaged."""

TIME, CAUSE = 1, 4
_USERS = ((6, 7, 8), (9, 10, 11))
"""Places in a row: a user's number, the number of the event in their history, the sequence of their previous one."""


def at(sequence: int, problem: str, *, expected: object = None, found: object = None) -> Finding:
    """Something about one row of the journal."""
    return Finding(
        file=EXCHANGE,
        row=f"sequence {sequence}",
        problem=problem,
        expected=None if expected is None else shortened(expected),
        found=None if found is None else shortened(found),
        repair=RESTORE,
    )


class Walk:
    """From zero. `replica` is what the rows lead to, and tells the truth while `is_sound`."""

    def __init__(self, live: LiveReplica, steps: Steps, erased: Erased) -> None:
        self._live = live
        self._erased = erased
        self._steps = steps
        self.replica = Replica()
        self.hash = FIRST_HASH
        self.sequence = 0
        self.is_sound = True
        self.stopped_at: int | None = None
        """The first row that is wrong."""
        self.charged: dict[str, int] = {}
        """Fees, by asset; less what busts gave back."""
        self.persons: dict[int, str] = {}
        """The digest in the last event that named the user, by number."""
        self.created_us: dict[int, int] = {}
        self._broken = 0
        self._last_unsalted = 0
        self._upgraded_at = 0

    def follow(self, up_to: int) -> Iterator[Finding]:
        """All rows up to that sequence that were not looked at yet."""
        while self.sequence < up_to and self._broken < MOST_BROKEN:
            stretch = stretch_from(self._live, self.sequence + 1, up_to=up_to)
            before = self.sequence
            yield from self._follow(stretch)
            yield from check_kept(self._live, stretch.rows)
            if stretch.unreadable is not None:
                self._break(stretch.unreadable[0])
                self.sequence, told = stretch.unreadable
                self.hash = b""
                yield told
            elif not stretch.rows:
                self._break(self.sequence + 1)
                yield at(self.sequence + 1, "the journal ends before its head", expected=f"rows up to {up_to}")
                return
            self._steps.advance(self.sequence - before)

    def finish(self) -> Iterator[Finding]:
        """After the last row."""
        if self._last_unsalted > self._upgraded_at:
            yield at(
                self._last_unsalted, "a note without a digest in the journal: it was not there when the row was written"
            )

    def _follow(self, stretch: Stretch) -> Iterator[Finding]:
        for row in stretch.rows:
            expected = self.sequence + 1
            finding = self._chained(row)
            if finding is not None:
                yield finding
                self._break(min(expected, row[0]))
            elif self.is_sound:
                yield from self._replayed(row)
            note = stretch.notes.pop(row[0], None)
            if finding is not None:
                continue
            if note is not None and note.salt is None and row[NOTE] is None:
                self._last_unsalted = row[0]
            else:
                yield from check_note(row, note, self._erased)
            if row[CAUSE] == UPGRADED:
                self._upgraded_at = row[0]
        for sequence in stretch.notes:
            yield at(sequence, "a note on a row that does not exist")

    def _break(self, sequence: int) -> None:
        self._broken += 1
        self._stop(sequence)

    def _stop(self, sequence: int) -> None:
        """Nothing is replayed from here on."""
        self.is_sound = False
        if self.stopped_at is None:
            self.stopped_at = sequence

    def _chained(self, row: Row) -> Finding | None:
        """Moves on to the row, and says what is wrong with its place."""
        expected, previous_hash = self.sequence + 1, self.hash
        self.sequence, self.hash = row[0], row[HASH]
        if row[0] != expected:
            return at(
                expected,
                "the chain is broken here: rows are missing",
                expected=f"sequence {expected}",
                found=f"sequence {row[0]}",
            )
        if not previous_hash:  # the row before cannot be read, and that was told
            return None
        return broken_chain(row, previous_hash)

    def _replayed(self, row: Row) -> Iterator[Finding]:
        """Applies the row, unless something is wrong with it."""
        finding = _misplaced(self.replica, row)
        if finding is None:
            finding = self._applied(row)
        if finding is not None:
            self._stop(row[0])
            yield finding

    def _applied(self, row: Row) -> Finding | None:
        try:
            entry = decode(row)
            self.replica.apply(entry)
        except (TradingError, AssertionError, LookupError, ArithmeticError, TypeError, ValueError) as error:
            return at(row[0], f"the row cannot be replayed: {shortened(error)}")
        self._count_fees(entry.event)
        if isinstance(entry.event, ev.UserCreated | ev.UserEmailChanged):
            self.persons[entry.event.user] = entry.event.digest
            self.created_us.setdefault(entry.event.user, entry.time_us)
        return None

    def _count_fees(self, event: ev.Event) -> None:
        if isinstance(event, ev.Trade):
            asset, amount = self.replica.markets[event.symbol].instrument.quote.code, event.taker_fee + event.maker_fee
        elif isinstance(event, ev.TradeBusted):
            asset, amount = event.quote, -event.buyer_fee - event.seller_fee
        elif isinstance(event, ev.TransactionEntered | ev.TransactionUpdated):
            is_earned = event.earned and event.status == TransactionStatus.SETTLED
            asset, amount = event.asset, -event.asset_change if is_earned else 0
        else:
            return
        self.charged[asset] = self.charged.get(asset, 0) + amount


def check_ends(live: LiveReplica) -> Iterator[Finding]:
    """What lies before the first row, and what was moved into an archive."""
    with live.history() as log:
        first = log.first()
    if first != 1:
        yield at(first, "the journal does not begin with sequence 1")
    yield from check_segments(live)


def check_tail(live: LiveReplica, erased: Erased, *, up_to: int, most: int = 1_000) -> Iterator[Finding]:
    """The last rows: their hashes and links, that they can be read, their users' histories, and their notes."""
    with live.history() as log:
        first = max(log.archived_up_to(), up_to - most, 0) + 1  # what was moved into an archive is read by a deep look
        previous_hash = log.hash_at(first - 1)
    stretch = stretch_from(live, first, up_to=up_to, most=most)
    last: dict[int, tuple[int, int]] = {}
    for expected, row in enumerate(stretch.rows, first):
        finding = broken_chain(row, previous_hash or b"") if row[0] == expected else at(expected, "the row is missing")
        if finding is None:
            finding = _unreadable(row)
        if finding is not None:
            yield finding
            return
        previous_hash = row[HASH]
        yield from _check_history(live, row, last)
        yield from check_note(row, stretch.notes.get(row[0]), erased)
    if stretch.unreadable is not None:
        yield stretch.unreadable[1]


def broken_chain(row: Row, previous_hash: bytes) -> Finding | None:
    """What is wrong with the row's hash, if anything."""
    expected = row_hash(row, previous_hash)
    if row[HASH] == expected:
        return None
    return at(
        row[0],
        "the chain is broken here: the hash is not that of the row and the one before",
        expected=expected.hex(),
        found=bytes(row[HASH]).hex(),
    )


def _misplaced(replica: Replica, row: Row) -> Finding | None:
    """Time, and the places in the users' own histories."""
    if row[TIME] < replica.time_us:
        return at(row[0], "time runs backwards here", expected=f"at least {replica.time_us}", found=row[TIME])
    for user_at, number_at, previous_at in _USERS:
        user = row[user_at]
        state = replica.users.get(user)
        expected = (None, None) if user is None else (state.event_count + 1, state.last_sequence) if state else (1, 0)
        found = (row[number_at], row[previous_at])
        if found != expected:
            return at(
                row[0], f"an event number or back-pointer of user #{user} is wrong", expected=expected, found=found
            )
    return None


def _unreadable(row: Row) -> Finding | None:
    try:
        decode(row)
    except TradingError as error:
        return at(row[0], shortened(error.problem))
    return None


def _check_history(live: LiveReplica, row: Row, last: dict[int, tuple[int, int]]) -> Iterator[Finding]:
    """That the row's users come on from their previous event; `last` is where that was, of those who have been met."""
    for user_at, number_at, previous_at in _USERS:
        user, found = row[user_at], (row[number_at], row[previous_at])
        if user is None:
            continue
        if user not in last:
            last[user] = _place_at(live, user, found[1])
        count, sequence = last[user]
        if found != (count + 1, sequence):
            problem = f"an event number or back-pointer of user #{user} is wrong"
            yield at(row[0], problem, expected=(count + 1, sequence), found=found)
        last[user] = row[number_at], row[0]


def _place_at(live: LiveReplica, user: int, sequence: int | None) -> tuple[int, int]:
    """The number of the user's event at that sequence, and the sequence; (0, 0) if none of theirs is there."""
    with live.history() as log:
        entry = log.entry(sequence) if sequence else None
    if entry is not None and entry.user_a == user and entry.number_a is not None:
        return entry.number_a, entry.sequence
    if entry is not None and entry.user_b == user and entry.number_b is not None:
        return entry.number_b, entry.sequence
    return 0, 0
