"""Which moment of an exchange is meant, and which sets of an archive lead to it.

Here: choosing, by set, sequence or time. Never here: what is made of it (restoring, restoring_user).
Always: all sets that are used lie on one history, that of the set which was named, or of the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.history import TIME, History
from credit_trading.backup.manifest import Manifest
from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput, NotFound, TradingError
from credit_trading.journal.rows import HASH


@attrs.frozen(kw_only=True)
class Moment:
    """The exchange as of `sequence`, where the chain hash is `hash` (hex) and the last event's time `time_us`.

    `before` are the newest set that is not beyond it and all on which that rests, in order; none where the archive begins later. `through`
    are likewise those of the first set that reaches up to the moment or beyond it. `notes` say what was asked for and is not so.
    """

    sequence: int
    hash: str
    time_us: int
    history: History
    before: Sequence[Manifest]
    through: Sequence[Manifest]
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

    Raises NotFound, InvalidInput, FileCorrupt.
    """
    if sequence is not None and time_us is not None:
        raise InvalidInput("backup", sequence, "both a sequence and a time were given", hint="Give one of them.")
    newest = archive.newest() if set_id is None else _named(archive, set_id)
    through = archive.chain(newest)
    history, notes = History(archive, through), []
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
            hint="Give one of these, or another set: credit-trading backup list --from PLACE.",
        )
    whole = history.command_end(sequence)
    if whole < sequence:
        notes.append(f"Sequence {sequence} is in the middle of a command, which began behind {whole}.")
        sequence = whole
    before, through = _around(archive, history, through, sequence, notes)
    row = history.row(sequence)
    return Moment(
        sequence=sequence,
        hash=row[HASH].hex(),
        time_us=row[TIME],
        history=history,
        before=before,
        through=through,
        notes=notes,
    )


def _named(archive: Archive, set_id: str) -> Manifest:
    if set_id in archive.set_ids():
        return archive.manifest(set_id)
    archive.newest()
    raise NotFound(
        "backup",
        set_id,
        f"there is no such set at {archive.url}",
        hint=f"See which there are: credit-trading backup list --from {archive.url}.",
    )


def _around(
    archive: Archive, history: History, through: list[Manifest], sequence: int, notes: list[str]
) -> tuple[list[Manifest], list[Manifest]]:
    """The sets that lead up to the newest one at or before that sequence, and those to the first one at or after it, on this history."""
    if sequence == through[-1].sequence:
        return through, through
    others = _others(archive, through[-1], notes)
    before = _first_usable(archive, history, [one for one in reversed(others) if one.sequence <= sequence], notes)
    if before and before[-1].sequence == sequence:
        return before, before
    after = _first_usable(archive, history, [one for one in others if one.sequence > sequence], notes)
    return before, after or through


def _others(archive: Archive, newest: Manifest, notes: list[str]) -> list[Manifest]:
    """The sets of the exchange up to that one, by sequence; a line is added to `notes` about each that cannot be read."""
    found = []
    for set_id in archive.set_ids():
        try:
            manifest = archive.manifest(set_id)
        except TradingError as error:
            notes.append(f"The set {set_id} was passed over: {error.problem}.")
            continue
        if manifest.exchange_id == newest.exchange_id and manifest.sequence <= newest.sequence:
            found.append(manifest)
    return sorted(found, key=lambda one: (one.sequence, one.set))


def _first_usable(
    archive: Archive, history: History, manifests: Iterable[Manifest], notes: list[str]
) -> list[Manifest]:
    """What the first of these consists of that lies on the history and is whole; nothing where there is none."""
    for manifest in manifests:
        if history.hash_at(manifest.sequence) != manifest.hash:
            continue
        try:
            chain = archive.chain(manifest)
            History(archive, chain)
        except TradingError as error:
            notes.append(f"The set {manifest.set} was passed over: {error.problem}.")
            continue
        return chain
    return []
