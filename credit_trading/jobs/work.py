"""What is done for each kind of job.

Here: calling who can do it, and one sentence on what came of it. Never here: when, whether once, and whom it is told (runner).
Always: what goes wrong is raised; nothing in the sentence says whose file or address it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from credit_trading.app import Exchange, verify_folder
from credit_trading.backup.archive import Archive
from credit_trading.backup.retention import Rules
from credit_trading.backup.verification import drill, verify
from credit_trading.jobs.config import BACKUP, CHECKPOINT, DRILL, EXPIRE, PRUNE, VERIFY, Job
from credit_trading.progress import Progress
from credit_trading.verify.finding import Finding

ACTOR = "jobs"
"""As whom scheduled work stands in audit trails."""


@attrs.frozen(kw_only=True)
class Result:
    """`is_good` is False where it was done and found something wrong."""

    detail: str
    size_bytes: int | None = None
    is_good: bool = True


Work = Callable[[Job, Exchange, Progress], Result]


def do(job: Job, exchange: Exchange, progress: Progress) -> Result:
    """Does it now, in this thread. Raises TradingError, and what `progress` raises."""
    return _WORK[job.kind](job, exchange, progress)


def _backup(job: Job, exchange: Exchange, progress: Progress) -> Result:
    """An incremental one is a full one where there is nothing yet to add to."""
    created = exchange.as_admin(ACTOR).backups.create(
        job.place, "full" if job.set == "full" else None, progress=progress
    )
    made = f"{created.kind} set {created.set}, {_counted(created.users, 'file')} copied"
    skipped = f"; {_counted(len(created.skipped), 'file')} could not be" if created.skipped else ""
    told = "".join(f"; {note}" for note in created.notes)
    return Result(detail=made + skipped + told, size_bytes=created.size_bytes, is_good=not created.skipped)


def _drill(job: Job, exchange: Exchange, progress: Progress) -> Result:
    done = drill(_own_archive(job, exchange), _check, progress=progress)
    users = "" if done.users is None else f" with {_counted(done.users, 'user')}"
    return _found(f"restored set {done.set}{users} and replayed it", done.findings)


def _verify(job: Job, exchange: Exchange, progress: Progress) -> Result:
    archive = _own_archive(job, exchange)
    newest = archive.newest().set
    findings = verify(archive, newest, deep=job.deep, check=_check, progress=progress)
    return _found(f"verified set {newest}", findings)


def _prune(job: Job, exchange: Exchange, progress: Progress) -> Result:
    """The newest set may be of the last hour: it is verified first, or nothing could ever be removed."""
    looked = _verify(job, exchange, progress)
    if not looked.is_good:
        return looked
    rules = Rules(last=job.keep_last, daily=job.keep_daily, weekly=job.keep_weekly, monthly=job.keep_monthly)
    pruned = exchange.as_admin(ACTOR).backups.prune(job.place, rules, progress=progress)
    detail = f"removed {_counted(len(pruned.removed), 'set')}, kept {len(pruned.kept)}"
    return Result(detail=detail, size_bytes=pruned.size_bytes)


def _expire(job: Job, exchange: Exchange, progress: Progress) -> Result:  # noqa: ARG001 - all kinds are called alike
    return Result(detail=f"{_counted(exchange.expire_due(), 'order')} expired")


def _checkpoint(job: Job, exchange: Exchange, progress: Progress) -> Result:  # noqa: ARG001 - all kinds are called alike
    if not exchange.save_checkpoint():
        return Result(detail="nothing new since the last")
    return Result(
        detail=f"saved near sequence {exchange.sequence}", size_bytes=_newest_size(exchange.home / "checkpoints")
    )


_WORK: Mapping[str, Work] = {
    BACKUP: _backup,
    DRILL: _drill,
    VERIFY: _verify,
    PRUNE: _prune,
    EXPIRE: _expire,
    CHECKPOINT: _checkpoint,
}


def _own_archive(job: Job, exchange: Exchange) -> Archive:
    """Another exchange's would be found good for ever, and nobody would look at ours."""
    return exchange.as_admin(ACTOR).backups.archive(job.place)


def _check(folder: Path) -> Sequence[Finding]:
    return verify_folder(folder, deep=True).findings


def _found(done: str, findings: Sequence[Finding]) -> Result:
    if not findings:
        return Result(detail=f"{done}: nothing found")
    return Result(detail=f"{done}: {_counted(len(findings), 'finding')}, first {findings[0]}", is_good=False)


def _newest_size(folder: Path) -> int | None:
    with suppress(OSError):  # others renew it at the same time
        found = [one.stat() for one in folder.glob("*.checkpoint")]
        return max(found, key=lambda status: status.st_mtime_ns).st_size if found else None
    return None


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
