"""Which sets are kept, and removing the others with all that only they need.

Here: the rules, and the order in which things go. Never here: rewriting sets (erasing).
Always: what a kept set rests on is kept; objects go only after the manifests that named them, so that a crash leaves nothing but what
nobody needs, and the next time removes it. The newest set is never removed, and nothing is while it is not known to be good.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

import attrs
import msgspec

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Manifest, StoredSegment, manifest_name
from credit_trading.backup.verified import verified, verified_name
from credit_trading.errors import BackupUnverified, FileCorrupt, InvalidInput, NotFound
from credit_trading.progress import Progress, no_progress

REMOVING = "removing.json"
"""Names of objects that a removal under way has given up."""

MOVED = "moved.json"


@attrs.frozen(kw_only=True)
class Rules:
    """How many sets to keep: of the latest, and of the latest days, weeks (ISO) and months (UTC) that have one, the newest of each."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    def __attrs_post_init__(self) -> None:
        given = attrs.astuple(self)
        if any(number < 0 for number in given) or not any(given):
            raise InvalidInput(
                "backup.prune",
                "",
                "no rule says what to keep",
                hint="For example --keep-last 24 --keep-daily 14.",
            )


@attrs.frozen(kw_only=True)
class Pruned:
    """`kept` says by which rules; `objects` counts what was removed beside manifests, `size_bytes` how large it was."""

    kept: dict[str, list[str]]
    removed: list[str]
    objects: int
    size_bytes: int
    dry_run: bool


class _Moved(msgspec.Struct):
    segments: list[StoredSegment]


def prune(
    archive: Archive,
    rules: Rules,
    *,
    protected: Collection[str] = (),
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> Pruned:
    """Removes the sets that no rule keeps. `protected` names objects that are needed elsewhere. No backup may be under way meanwhile.

    Raises BackupUnverified if the newest set was not verified as it is now, or not found good; FileCorrupt where a manifest cannot be read.
    """
    manifests = [archive.manifest(set_id) for set_id in archive.set_ids()]
    if not manifests:
        archive.newest()
    _check_newest(archive, manifests[-1])
    kept = _with_bases(manifests, _chosen(manifests, rules))
    gone = [manifest for manifest in reversed(manifests) if manifest.set not in kept]
    needed = {stored.name for manifest in manifests if manifest.set in kept for stored in manifest.objects}
    needed |= {*protected, *(segment.name for segment in moved(archive))}
    sizes = {stored.name: stored.size for manifest in gone for stored in manifest.objects if stored.name not in needed}
    if not dry_run:
        _remove(archive, gone, sizes, protected, progress)
    return Pruned(
        kept=kept,
        removed=[manifest.set for manifest in reversed(gone)],
        objects=len(sizes),
        size_bytes=sum(sizes.values()),
        dry_run=dry_run,
    )


def moved(archive: Archive) -> list[StoredSegment]:
    """Segments that exist only in the archive: they were moved out of exchange.db. Raises FileCorrupt."""
    try:
        return msgspec.json.decode(archive.place.read(MOVED), type=_Moved).segments
    except NotFound:
        return []
    except msgspec.MsgspecError as error:
        raise FileCorrupt(
            "archive",
            f"{archive.url}/{MOVED}",
            f"it cannot be read ({error})",
            hint="Put it back from another copy of the archive: it names what must never be removed.",
        ) from error


def _check_newest(archive: Archive, newest: Manifest) -> None:
    looked = verified(archive, newest)
    if looked is None or looked.findings:
        problem = "it was never verified as it is now" if looked is None else "its last verification found it damaged"
        raise BackupUnverified(
            "backup.prune",
            f"{archive.url}/{manifest_name(newest.set)}",
            f"it is the newest set, and {problem}: nothing is removed",
            hint=f"Verify it: credit-trading backup verify --from {archive.url} --deep.",
        )


def _chosen(manifests: Sequence[Manifest], rules: Rules) -> dict[str, list[str]]:
    """Set ids to the rules that keep them; `manifests` from the oldest on."""
    kept: dict[str, list[str]] = {manifests[-1].set: ["newest"]}
    periods: tuple[tuple[str, int, Callable[[datetime], object]], ...] = (
        ("last", rules.last, lambda moment: moment),
        ("daily", rules.daily, lambda moment: moment.date()),
        ("weekly", rules.weekly, lambda moment: moment.isocalendar()[:2]),
        ("monthly", rules.monthly, lambda moment: (moment.year, moment.month)),
    )
    for name, count, period_of in periods:
        seen: set[object] = set()
        for manifest in reversed(manifests):
            period = manifest.set if name == "last" else period_of(_moment(manifest))
            if len(seen) < count and period not in seen:
                seen.add(period)
                kept.setdefault(manifest.set, []).append(name)
    return kept


def _with_bases(manifests: Sequence[Manifest], chosen: dict[str, list[str]]) -> dict[str, list[str]]:
    """With what those rest on, in the order of `manifests`."""
    kept = dict(chosen)
    for manifest in reversed(manifests):
        if manifest.set in kept and manifest.base is not None:
            reasons = kept.setdefault(manifest.base, [])
            if not reasons:
                reasons.append(f"needed by {manifest.set}")
    return {manifest.set: kept[manifest.set] for manifest in manifests if manifest.set in kept}


def _moment(manifest: Manifest) -> datetime:
    return datetime.fromtimestamp(manifest.finished_at_us / 1_000_000, UTC)


def _remove(
    archive: Archive, gone: Sequence[Manifest], names: Iterable[str], protected: Collection[str], progress: Progress
) -> None:
    """The newest manifest first: no set is ever there without what it rests on."""
    given_up = GivenUp(archive)
    given_up.add([*names, *(verified_name(manifest.set) for manifest in gone)])
    ticking = itertools.count(1)
    of = len(gone) + len(given_up.names)
    for manifest in gone:
        archive.place.remove(manifest_name(manifest.set))
        progress(next(ticking), of)
    given_up.remove(protected, step=lambda: progress(next(ticking), of))


class GivenUp:
    """Names of objects that nobody needs once a change of manifests is through; kept in the archive until they are gone."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        try:
            self.names = set(msgspec.json.decode(archive.place.read(REMOVING), type=list[str]))
        except (NotFound, msgspec.MsgspecError):
            self.names = set()

    def add(self, names: Iterable[str]) -> None:
        """Before the manifests are changed."""
        self.names.update(names)
        if self.names:
            self._archive.place.write(REMOVING, msgspec.json.encode(sorted(self.names)))

    def remove(self, protected: Collection[str] = (), *, step: Callable[[], None] = lambda: None) -> None:
        """Afterwards: all of them that no set needs now, nor anybody else."""
        if not self.names:
            return
        archive = self._archive
        needed = {stored.name for set_id in archive.set_ids() for stored in archive.manifest(set_id).objects}
        needed |= {segment.name for segment in moved(archive)}
        for name in sorted(self.names - needed - set(protected)):
            self._archive.place.remove(name)
            step()
        self._archive.place.remove(REMOVING)
        self.names = set()
