"""Which moment of an exchange is meant, and which sets of an archive lead to it.

Here: choosing, by set, sequence or time. Never here: what is made of it (restoring, restoring_user).
Always: all sets that are used lie on one history, that of the set which was named, or of the newest if there is no other history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.branches import check_newest, leading_to
from credit_trading.backup.history import TIME, History
from credit_trading.backup.manifest import Manifest
from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput, NotFound, TradingError
from credit_trading.journal.rows import HASH


@attrs.frozen(kw_only=True)
class Moment:
    """The exchange as of `sequence`, where the chain hash is `hash` (hex) and the last event's time `time_us`.

    `before` are the newest set that is not beyond it and all on which that rests, in order; none where the archive begins later. Where a
    time was asked for, `until_us`, a set that was finished after it is beyond it: its copies may hold private facts of later. `through` are
    likewise those of the first set that reaches up to the moment or beyond it. `notes` say what was asked for and is not so.
    """

    sequence: int
    hash: str
    time_us: int
    history: History
    before: Sequence[Manifest]
    through: Sequence[Manifest]
    until_us: int | None = None
    notes: Sequence[str] = ()

    @property
    def exchange_id(self) -> str:
        return self.through[-1].exchange_id

    @property
    def set(self) -> str:
        """The first that reaches up to the moment."""
        return self.through[-1].set

    @property
    def after(self) -> list[Manifest]:
        """Sets of `through` that are not in `before`: what they hold may be of later than the moment."""
        known = {manifest.set for manifest in self.before}
        return [manifest for manifest in self.through if manifest.set not in known]


def choose(
    archive: Archive, *, set_id: str | None = None, sequence: int | None = None, time_us: int | None = None
) -> Moment:
    """The latest moment of a set (of the newest, unless it is named), or an earlier one on its history.

    At a time: after the last event that had happened by then. A command is there as a whole, or not at all.

    Raises NotFound, InvalidInput (also where a set has to be named, since the archive has more than one history), FileCorrupt.
    """
    if sequence is not None and time_us is not None:
        raise InvalidInput("backup", sequence, "both a sequence and a time were given", hint="Give one of them.")
    newest = archive.newest() if set_id is None else named(archive, set_id)
    through = archive.chain(newest)
    history, notes = History(archive, through), list[str]()
    sets = _Sets(archive, history, through, notes)
    if set_id is None:
        check_newest(archive, newest, history, sets.by_sequence())
    if time_us is not None:
        sequence = history.sequence_at(time_us)
        if not sequence:
            raise InvalidInput(
                "backup",
                format_time(time_us),
                "the exchange did not exist then",
                hint=f"It was founded at {format_time(history.row(1)[TIME])}.",
            )
        if sequence == newest.sequence and time_us > newest.finished_at_us:
            notes.append(f"The set {newest.set} knows nothing of later than {format_time(newest.finished_at_us)}.")
    elif sequence is None:
        sequence = newest.sequence
    if not 1 <= sequence <= newest.sequence:
        raise InvalidInput(
            "backup",
            f"sequence {sequence}",
            f"the set {newest.set} holds the sequences 1 to {newest.sequence}",
            hint=f"Give one of these, or another set: credit-trading backup list --from {archive.url}.",
        )
    whole = history.command_end(sequence)
    if whole < sequence:
        notes.append(f"Sequence {sequence} is in the middle of a command, which began behind {whole}.")
        sequence = whole
    before, through = sets.around(sequence, time_us)
    row = history.row(sequence)
    return Moment(
        sequence=sequence,
        hash=row[HASH].hex(),
        time_us=row[TIME],
        history=history,
        before=before,
        through=through,
        until_us=time_us,
        notes=notes,
    )


def named(archive: Archive, set_id: str) -> Manifest:
    """The manifest of a set that somebody named. Raises NotFound, FileCorrupt."""
    ids = archive.set_ids()
    if set_id in ids:
        return archive.manifest(set_id)
    if not ids:
        archive.newest()
    raise NotFound(
        "backup",
        set_id,
        f"there is no such set at {archive.url}",
        hint=f"See which there are: credit-trading backup list --from {archive.url}.",
    )


class _Sets:
    """Those of the exchange that may lead to a moment of the set at the end of `through`. Adds a line to `notes` about each that cannot."""

    def __init__(self, archive: Archive, history: History, through: list[Manifest], notes: list[str]) -> None:
        self._archive = archive
        self._history = history
        self._through = through
        self._newest = through[-1]
        self._notes = notes
        self._all: list[Manifest] | None = None

    def by_sequence(self) -> list[Manifest]:
        """All, also those that are of later."""
        if self._all is None:
            found = []
            for set_id in self._archive.set_ids():
                try:
                    found.append(self._archive.manifest(set_id))
                except TradingError as error:
                    self._notes.append(f"The set {set_id} was passed over: {error.problem}.")
            ours = [one for one in found if one.exchange_id == self._newest.exchange_id]
            self._all = sorted(ours, key=lambda one: (one.sequence, one.set))
        return self._all

    def around(self, sequence: int, until_us: int | None) -> tuple[list[Manifest], list[Manifest]]:
        """What leads up to the newest set that is not beyond that moment, and what to the first one that reaches it, on this history."""

        def is_beyond(one: Manifest) -> bool:
            return one.sequence > sequence or (until_us is not None and one.finished_at_us > until_us)

        if sequence == self._newest.sequence and not is_beyond(self._newest):
            return self._through, self._through
        sets = [one for one in leading_to(self._newest, self.by_sequence()) if one.sequence <= self._newest.sequence]
        before = self._first_usable(one for one in reversed(sets) if not is_beyond(one))
        if before and before[-1].sequence == sequence:
            return before, before
        after = self._first_usable(one for one in sets if one.sequence >= sequence and is_beyond(one))
        return before, after or self._through

    def _first_usable(self, manifests: Iterable[Manifest]) -> list[Manifest]:
        """What the first of these consists of that lies on the history and is whole; nothing where there is none."""
        for manifest in manifests:
            if self._history.hash_at(manifest.sequence) != manifest.hash:
                continue
            try:
                chain = self._archive.chain(manifest)
                History(self._archive, chain)
            except TradingError as error:
                self._notes.append(f"The set {manifest.set} was passed over: {error.problem}.")
                continue
            return chain
        return []
