"""How an opened exchange stands: head, views, checkpoints, who is here, what is left to do, how much room there is.

Here: looking, and the records of what was seen. Never here: whether it is right (verify), setting anything right.
Always: a look waits for nobody longer than a read does, changes nothing, and is of this moment; what cannot be told is None.
"""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import attrs

from credit_trading.clock import Clock, SystemClock, format_time
from credit_trading.config import Settings
from credit_trading.errors import TradingError
from credit_trading.host import standing
from credit_trading.host.standing import HostStatus
from credit_trading.journal import archived, checkpoint
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import Log
from credit_trading.marketdata import prints
from credit_trading.marketdata.trade_file import Damaged, TradeFile
from credit_trading.store.locks import PRESENT, PROJECTOR, WRITER
from credit_trading.store.place import file_system_of
from credit_trading.users import catalogue, quarantine
from credit_trading.users.files import UserFiles
from credit_trading.users.follower import Follower
from credit_trading.users.reading import reads
from credit_trading.users.reading.reads import ReadsStatus

_OPEN_DESCRIPTORS = "/dev/fd"


@attrs.frozen(kw_only=True)
class JournalStatus:
    """The head of the journal; `hash` is hexadecimal. `wal_bytes` is what SQLite has not carried into the file yet, and room for more.

    Rows up to `archived_up_to` were moved out of exchange.db; the last of them are at `archive`. 0 and None where nothing was.
    """

    exchange_id: str
    sequence: int
    hash: str
    time: str
    file_bytes: int
    wal_bytes: int
    archived_up_to: int
    archive: str | None


@attrs.frozen(kw_only=True)
class ViewsStatus:
    """Users' files, as a follower has left them: all are at least at `sequence`, but for those of the users in `files_behind`.

    `seconds_behind` counts from the first event that they may not show. None: nobody has followed yet; files catch up when they are read.
    """

    users: int
    sequence: int | None
    events_behind: int | None
    seconds_behind: float | None
    files_behind: list[str]


@attrs.frozen(kw_only=True)
class MarketDataStatus:
    """How far marketdata.db has come; it goes on when it is next read. `problem` says why that cannot be told."""

    sequence: int | None
    events_behind: int | None
    problem: str | None


@attrs.frozen(kw_only=True)
class CheckpointStatus:
    """The newest that can be used, None if there is none; `damaged` names those that cannot, each with the reason."""

    sequence: int | None
    events_since: int
    written_at: str | None
    age_s: float | None
    damaged: list[str]


@attrs.frozen(kw_only=True)
class ProcessesStatus:
    """Process ids: who writes just now, who follows, who has the folder open (where the system does not tell all, one of them)."""

    writer: int | None
    follower: int | None
    present: list[int]


@attrs.frozen(kw_only=True)
class ResourcesStatus:
    """Of this process: its pool of handles on users' files and its file descriptors. Of the folder: what it lies on, and the room there."""

    pool_open: int
    pool_capacity: int
    pool_hits: int
    pool_misses: int
    descriptors: int | None
    descriptors_limit: int
    file_system: str | None
    is_remote: bool
    free_bytes: int


@attrs.frozen(kw_only=True)
class QuarantinedFile:
    """A user's file that is not used any more until somebody has looked at it."""

    user_id: str
    since: str
    code: str
    problem: str


@attrs.frozen(kw_only=True)
class PendingStatus:
    """Ids of the users whose file has still to be renamed or deleted, and the files in quarantine."""

    renames: list[str]
    deletions: list[str]
    quarantined: list[QuarantinedFile]


@attrs.frozen(kw_only=True)
class Status:
    """All of it. `host` is None where no host's database was ever brought forward."""

    home: str
    journal: JournalStatus
    views: ViewsStatus
    market_data: MarketDataStatus
    host: HostStatus | None
    checkpoints: CheckpointStatus
    processes: ProcessesStatus
    pending: PendingStatus
    reads: ReadsStatus
    resources: ResourcesStatus


def look(
    live: LiveReplica, files: UserFiles, follower: Follower, *, users: int, settings: Settings, clock: Clock
) -> Status:
    """The exchange as it stands now; `users` is how many there are. Raises StorageError if exchange.db cannot be read."""
    now_us = clock.now_us()
    trade_file = TradeFile(live, timeout_s=settings.lock_timeout_s)
    with live.history() as log:
        journal = _journal(log)
        checkpoints = _checkpoints(live.checkpoints, log, journal.sequence)
        pending = _pending(log)
        host = standing.look(live.path.parent, log, now_us=now_us)
    return Status(
        home=str(live.path.parent),
        journal=journal,
        views=_views(live, follower, users=users, head=journal.sequence, now_us=now_us),
        market_data=_market_data(trade_file, journal.sequence),
        host=host,
        checkpoints=checkpoints,
        processes=_processes(live),
        pending=pending,
        reads=reads.look(live.path.parent),
        resources=_resources(live.path.parent, files, settings),
    )


def _journal(log: Log) -> JournalStatus:
    sequence, last_hash = log.head()
    last = log.entry(sequence)
    assert last is not None
    moved = archived.last_of(log.connection)
    return JournalStatus(
        exchange_id=log.exchange_id,
        sequence=sequence,
        hash=last_hash.hex(),
        time=format_time(last.time_us),
        file_bytes=_size(log.path),
        wal_bytes=_size(Path(f"{log.path}-wal")),
        archived_up_to=moved.last if moved else 0,
        archive=moved.place if moved else None,
    )


def _views(live: LiveReplica, follower: Follower, *, users: int, head: int, now_us: int) -> ViewsStatus:
    mark = follower.mark()
    if mark is None:
        return ViewsStatus(users=users, sequence=None, events_behind=None, seconds_behind=None, files_behind=[])
    with live.history() as log:
        first = log.entry(mark.position.sequence + 1)
        behind = [catalogue.by_number(log.connection, number).user_id for number in sorted(mark.behind)]
    return ViewsStatus(
        users=users,
        sequence=mark.position.sequence,
        events_behind=max(0, head - mark.position.sequence),
        seconds_behind=0.0 if first is None else max(0, now_us - first.time_us) / 1_000_000,
        files_behind=behind,
    )


def _market_data(file: TradeFile, head: int) -> MarketDataStatus:
    if not file.exists():
        return MarketDataStatus(sequence=None, events_behind=None, problem=None)
    try:
        with file.opened() as connection, file.statements():
            position = prints.position(connection)
    except Damaged as damage:
        return MarketDataStatus(sequence=None, events_behind=None, problem=str(damage.error))
    except TradingError as error:
        return MarketDataStatus(sequence=None, events_behind=None, problem=str(error))
    sequence = 0 if position is None else position.sequence
    return MarketDataStatus(sequence=sequence, events_behind=max(0, head - sequence), problem=None)


def _checkpoints(folder: Path, log: Log, head: int) -> CheckpointStatus:
    """Their age is by the machine's clock, which also stamps files."""
    found = checkpoint.inspect(folder, log)
    newest = next((one for one in found if one.problem is None), None)
    return CheckpointStatus(
        sequence=newest.sequence if newest else None,
        events_since=head - (newest.sequence or 0) if newest else head,
        written_at=format_time(newest.written_at_us) if newest else None,
        age_s=max(0, SystemClock().now_us() - newest.written_at_us) / 1_000_000 if newest else None,
        damaged=[f"{one.path.name}: {one.problem}" for one in found if one.problem is not None],
    )


def _processes(live: LiveReplica) -> ProcessesStatus:
    locks = live.lock_file
    return ProcessesStatus(
        writer=locks.holder(WRITER), follower=locks.holder(PROJECTOR), present=locks.holders(PRESENT)
    )


def _pending(log: Log) -> PendingStatus:
    unfinished = catalogue.unfinished(log.connection)
    return PendingStatus(
        renames=[user.user_id for user in unfinished if user.state == "active"],
        deletions=[user.user_id for user in unfinished if user.state == "deleting"],
        quarantined=[
            QuarantinedFile(
                user_id=catalogue.by_number(log.connection, one.number).user_id,
                since=format_time(one.since_us),
                code=one.code,
                problem=one.problem,
            )
            for one in quarantine.list_all(log.connection)
        ],
    )


def _resources(home: Path, files: UserFiles, settings: Settings) -> ResourcesStatus:
    system = file_system_of(home)
    return ResourcesStatus(
        pool_open=files.pool.open_count,
        pool_capacity=settings.pool_size,
        pool_hits=files.pool.hits,
        pool_misses=files.pool.misses,
        descriptors=_open_descriptors(),
        descriptors_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        file_system=system.type if system else None,
        is_remote=system is not None and system.is_remote,
        free_bytes=shutil.disk_usage(home).free,
    )


def _open_descriptors() -> int | None:
    """Without the one that lists them."""
    try:
        return len(os.listdir(_OPEN_DESCRIPTORS)) - 1
    except OSError:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
