"""Moving the older part of the journal out of exchange.db: its rows lie in an archive from then on, and are read there.

Here: proof before anything is deleted, and the steps in their order. Never here: how far it may go (holds), which rows stay all the same
(journal/moving), reading what was moved (journal/archived).
Always: a row is deleted only after the archive has given it back as it is here; each step may be the last one before a crash, and what is
left to do is done by the next run; whoever trades waits for a slice of rows, but for the end: giving room back writes anew what remains.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import attrs
import msgspec

from credit_trading.backup.archive import Archive
from credit_trading.backup.holds import Hold, holds
from credit_trading.backup.manifest import Manifest, StoredSegment
from credit_trading.backup.retention import MOVED, moved
from credit_trading.backup.turn import alone
from credit_trading.backup.verified import verified
from credit_trading.errors import BackupUnverified, FileCorrupt, FileForeign, NotFound, VersionUnsupported
from credit_trading.journal import archived, moving
from credit_trading.journal.archived import ArchivedSegment
from credit_trading.marketdata.trade_history import TradeHistory
from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import Connection, connect, translated
from credit_trading.trading.desk import Desk
from credit_trading.users.follower import Follower

KEEP_EVENTS = 50_000
"""The latest, which stay in exchange.db unless told otherwise."""

_ROWS_AT_ONCE = 2_000

_WAIT_S = 0.2
"""For readers who keep the WAL from being emptied: writers wait meanwhile."""


@attrs.frozen(kw_only=True)
class Moved:
    """Rows up to `border` are read at `place` from now on, but for those that stay. With `dry_run` they would be.

    `rows` were taken out of exchange.db, which has shrunk by `bytes_freed`, its -wal included; `held_by` says why not more.
    """

    place: str
    border: int
    segments: int
    rows: int
    bytes_freed: int
    held_by: list[str]
    dry_run: bool


class Archiving:
    """From one exchange into one archive."""

    def __init__(
        self,
        desk: Desk,
        follower: Follower,
        history: TradeHistory,
        archive: Archive,
        *,
        keep_events: int = KEEP_EVENTS,
        progress: Progress = no_progress,
    ) -> None:
        self._desk = desk
        self._live = desk.live
        self._follower = follower
        self._history = history
        self._archive = archive
        self._keep_events = keep_events
        self._progress = progress
        self._done = 0
        self._of = 0

    def move(self, *, dry_run: bool = False) -> Moved:
        """See `Backups.archive_journal`."""
        with alone(self._live, "journal.archive"):
            source = self._verified_set()
            found = self._holds(source)
            limit = min(hold.sequence for hold in found)
            chosen = self._chosen(source, limit)
            border = chosen[-1].last if chosen else self._border()
            before = self._bytes()
            kept = self._last_events(border)
            rows = self._to_go(border, kept)
            if border and not dry_run:
                self._of = sum(one.last - one.first + 1 for one in chosen) + rows
                self._prove(chosen)
                self._list(chosen, source)
                rows = self._remove(border, kept)
                self._give_room_back()
        return Moved(
            place=self._archive.url,
            border=border,
            segments=len(chosen),
            rows=rows,
            bytes_freed=before - self._bytes(),
            held_by=[hold.why for hold in found if hold.sequence == limit],
            dry_run=dry_run,
        )

    def _verified_set(self) -> Manifest:
        """The full set on which the newest set rests that is of this history and was verified. Raises FileForeign, BackupUnverified."""
        with self._live.history() as log:
            exchange_id = log.exchange_id
        owner = self._archive.exchange_id()
        if owner != exchange_id:
            make = "" if owner else f" Or make one here: credit-trading backup create --to {self._archive.url}."
            raise FileForeign(
                "journal.archive",
                self._archive.url,
                "no archive of this exchange is there",
                hint=f"Give the place where its backups are.{make}",
            )
        for set_id in reversed(self._archive.set_ids()):
            with suppress(FileCorrupt, VersionUnsupported, NotFound):  # such a set counts as none
                manifest = self._archive.manifest(set_id)
                looked = verified(self._archive, manifest)
                if looked is not None and not looked.findings and self._is_ours(manifest):
                    return self._archive.chain(manifest)[0]
        raise BackupUnverified(
            "journal.archive",
            self._archive.url,
            "no set there that is of this journal's history was verified as it is now, without a finding: nothing is moved",
            hint=f"Verify one: credit-trading backup verify --from {self._archive.url} --deep.",
        )

    def _is_ours(self, manifest: Manifest) -> bool:
        with self._live.history() as log:
            return log.hash_at(manifest.sequence) == bytes.fromhex(manifest.hash)

    def _holds(self, source: Manifest) -> list[Hold]:
        with self._live.history() as log:
            head, _ = log.head()
        return [
            Hold(source.sequence, f"the last full set that was verified ends at {source.sequence}"),
            Hold(head - self._keep_events, f"the last {self._keep_events} events stay"),
            *holds(self._desk, self._follower, self._history),
        ]

    def _border(self) -> int:
        with self._live.history() as log:
            return log.archived_up_to()

    def _chosen(self, source: Manifest, limit: int) -> list[ArchivedSegment]:
        """Whole segments up to the limit; of one that was moved in part, by an older set's segments, the rest."""
        with self._live.history() as log:
            last = archived.last_of(log.connection)
        border, hash_before = (last.last, last.hash_after) if last else (0, bytes(32))
        now_us = self._desk.sequencer.clock.now_us()
        found: list[ArchivedSegment] = []
        for segment in source.segments:
            if not border < segment.last <= limit:
                continue
            found.append(
                ArchivedSegment(
                    first=border + 1,
                    last=segment.last,
                    hash_before=hash_before,
                    hash_after=bytes.fromhex(segment.hash_after),
                    place=self._archive.url,
                    name=segment.name,
                    sha256=segment.sha256,
                    moved_at_us=now_us,
                )
            )
            border, hash_before = segment.last, found[-1].hash_after
        return found

    def _last_events(self, border: int) -> frozenset[int]:
        """Of each user the last up to the border. Events that come meanwhile add none: they point beyond it, or at one of these."""
        with self._live.reading() as replica:
            head = replica.sequence
            kept = {user.last_sequence for user in replica.users.values() if user.last_sequence <= border}
        after = border
        while after < head:
            with self._live.history() as log:
                after, named = moving.pointed_at(log.connection, after=after, most=_ROWS_AT_ONCE, up_to=border)
            kept |= named
        return frozenset(kept)

    def _to_go(self, border: int, kept: frozenset[int]) -> int:
        """How many rows are to be taken out."""
        count, after = 0, 0
        while True:
            with self._live.history() as log:
                looked, sequences = moving.removable(log.connection, after=after, up_to=border, kept=kept)
            if looked == after:
                return count
            count, after = count + len(sequences), looked

    def _prove(self, chosen: list[ArchivedSegment]) -> None:
        """That the archive gives each row as it stands in exchange.db. Raises ArchiveUnreachable, FileCorrupt."""
        for segment in chosen:
            found = archived.read(segment)
            for start in range(0, len(found), _ROWS_AT_ONCE):
                part = found[start : start + _ROWS_AT_ONCE]
                with self._live.history() as log:
                    stored = log.batch_from(part[0][0], len(part))
                if stored != part:
                    raise FileCorrupt(
                        "journal.archive",
                        segment.url,
                        f"rows {part[0][0]} to {part[-1][0]} are not those in exchange.db; nothing was moved",
                        hint="Find out which are right: credit-trading verify --deep.",
                    )
                self._step(len(part))

    def _list(self, chosen: list[ArchivedSegment], source: Manifest) -> None:
        """First in the archive, so that no pruning removes them, then in exchange.db, where readers look for what is not there."""
        names = {segment.name for segment in chosen}
        known = {segment.name: segment for segment in moved(self._archive)}
        more = [segment for segment in source.segments if segment.name in names and segment.name not in known]
        if more:
            self._archive.place.write(MOVED, _encode(_Moved([*known.values(), *more])))
        for segment in chosen:
            if self._archive.place.size(segment.name) is None:
                problem = "it was removed just now; nothing was moved"
                raise NotFound("journal.archive", segment.url, problem, hint="Make another full set, and verify it.")
        if chosen:
            self._note(lambda connection: archived.add(connection, chosen))

    def _remove(self, border: int, kept: frozenset[int]) -> int:
        """Slice by slice: what a crash leaves is found again by the next run."""
        gone, after = 0, 0
        while True:
            with self._live.history() as log:
                looked, sequences = moving.removable(log.connection, after=after, up_to=border, kept=kept)
            if looked == after:
                return gone
            if sequences:
                self._note(partial(moving.remove, sequences=sequences))
                self._step(len(sequences))
            gone, after = gone + len(sequences), looked

    def _give_room_back(self) -> None:
        """Free pages are used again by new rows; where they are the larger part, the file is written anew without them."""
        path = self._live.path
        with (
            self._desk.files.unforked(),
            self._live.turn(),
            translated("journal.archive", path),
            closing(connect(path, mode="rw", busy_timeout_s=_WAIT_S)) as connection,
        ):
            free, pages = moving.free_pages(connection)
            if 2 * free > pages:
                moving.compact(connection)
            moving.empty_wal(connection)

    def _note(self, write: Callable[[Connection], None]) -> None:
        problem = "whether the last step was taken is not known"
        self._desk.files.note("journal.archive", self._archive.url, write, problem=problem)

    def _bytes(self) -> int:
        paths = (self._live.path, Path(f"{self._live.path}-wal"))
        return sum(path.stat().st_size for path in paths if path.exists())

    def _step(self, rows: int) -> None:
        self._done += rows
        self._progress(self._done, self._of)


class _Moved(msgspec.Struct, frozen=True):
    segments: list[StoredSegment]


_encode = msgspec.json.Encoder().encode
