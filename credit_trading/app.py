"""The composition root: opens a folder, builds everything once, hands out services bound to who is acting."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec
import sqlite_utils

from credit_trading.checks import checked_number, shown
from credit_trading.clock import Clock, SystemClock
from credit_trading.config import Settings
from credit_trading.errors import (
    AlreadyExists,
    Busy,
    FileAhead,
    FileCorrupt,
    InvalidInput,
    NotAnExchange,
    StorageError,
    TradingError,
    Unwritable,
)
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.events import Entry, Founded
from credit_trading.exchange.state import state_digest
from credit_trading.host.link import Link, needing_sqlalchemy
from credit_trading.journal import checkpoint
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import FILE_NAME, Log
from credit_trading.marketdata.market_data import MarketData
from credit_trading.progress import Progress, no_progress
from credit_trading.status import Status, look
from credit_trading.store.files import make_private_folder
from credit_trading.store.place import warn_if_remote
from credit_trading.store.sqlite import StrPath, sqlite3, translated
from credit_trading.trading.accounts import AccountAdministration, AccountService
from credit_trading.trading.administration import TradingAdministration
from credit_trading.trading.assets import AssetAdministration
from credit_trading.trading.audit import AuditAdministration, AuditService
from credit_trading.trading.deals import TransactionAdministration
from credit_trading.trading.desk import Desk
from credit_trading.trading.instruments import InstrumentAdministration
from credit_trading.trading.order_service import OrderManagementService
from credit_trading.trading.orders import OwnOrders
from credit_trading.trading.outcome import Outcome
from credit_trading.trading.principal import Principal
from credit_trading.trading.sequencer import Prepared, Sequencer
from credit_trading.trading.transaction_service import TransactionService
from credit_trading.trading.transactions import OwnTransactions
from credit_trading.users import exchange_db, leftovers, mark, versions
from credit_trading.users.background import checked_period
from credit_trading.users.files import UserFiles
from credit_trading.users.follower import Follower
from credit_trading.users.following import Following
from credit_trading.users.manager import TradingDatabaseManager
from credit_trading.users.mark import Mark
from credit_trading.users.migrating import Migrated, Migrating
from credit_trading.users.personal import PersonalPart
from credit_trading.users.projector import Projector
from credit_trading.users.reading.kept_answers import KeptAnswers
from credit_trading.users.reading.reads import Reads
from credit_trading.users.versions import FolderVersions
from credit_trading.verify.finding import Finding
from credit_trading.verify.head import JournalHead, check_head, journal_head
from credit_trading.verify.verification import Verification, verify

if TYPE_CHECKING:
    from credit_trading.backup.service import Backups
    from credit_trading.host.adapter import Adapter
    from credit_trading.host.service import HostService
    from credit_trading.statements.statements import Statements
    from credit_trading.transfer.transfer import Transfer

_ONE_PAGE = 4096
"""A database of one page has no tables, unless they stand in its WAL: founding it was cut short, or it is young."""

_log = logging.getLogger(__name__)


def open_exchange(
    home: StrPath,
    *,
    create: bool = False,
    clock: Clock | None = None,
    settings: Settings | None = None,
    host: Adapter | str | None = None,
) -> Exchange:
    """Opens the exchange in the folder `home`; `create` founds one where there is none.

    `host` is the host application's own database, for `Admin.host`: an adapter, `module:name` of one, or a URL; by default what the
    settings say. It is not reached before it is used.

    Raises NotAnExchange, FileCorrupt, VersionUnsupported or Unwritable, each naming the file.
    """
    folder = Path(home).absolute()
    clock = clock or SystemClock()
    settings = settings or Settings.from_environment()
    with translated("exchange.open", folder):
        _check_folder(folder, create=create)
    warn_if_remote(folder)
    exchange = Exchange(folder, clock, settings, host)
    try:
        with translated("exchange.open", folder):
            if _is_empty(folder / FILE_NAME) and _has_users(folder):
                raise _without_journal("exchange.open", folder)
            if create:
                exchange._found()
            exchange._start()
    except BaseException as error:
        exchange.close()
        if isinstance(error, sqlite3.Error):  # our statements are right: it is the tables that are not
            raise FileCorrupt(
                "exchange.open",
                folder / FILE_NAME,
                f"its tables are not as they should be ({error})",
                hint="Restore it from a backup.",
            ) from error
        raise
    return exchange


def verify_folder(
    home: StrPath,
    *,
    user_id: str | None = None,
    deep: bool = False,
    progress: Progress = no_progress,
    settings: Settings | None = None,
) -> Verification:
    """What `Admin.verify` finds, also where the exchange is too damaged to be opened; nothing in the folder is made or moved for it.

    Raises NotAnExchange for a folder without exchange.db, NotFound for an unknown user, Busy if an older version is at work there.
    """
    folder = Path(home).absolute()
    with translated("exchange.verify", folder):
        _check_folder(folder, create=False)
    with closing(Exchange(folder, SystemClock(), settings or Settings.from_environment())) as exchange:
        try:
            exchange._live.upgrade(exchange_db.MIGRATIONS)
        except Busy:  # an older version is at work in its own format, which is no damage
            raise
        except (StorageError, sqlite3.Error, UnicodeDecodeError):
            pass  # what keeps it from being upgraded is found
        return exchange._verify(user_id, deep=deep, progress=progress)


def folder_versions(
    home: StrPath, *, progress: Progress = no_progress, settings: Settings | None = None
) -> FolderVersions:
    """Of which versions exchange.db and users' files are. The exchange is not opened, so that nothing is migrated for it.

    Raises NotAnExchange, FileCorrupt, VersionUnsupported.
    """
    folder = Path(home).absolute()
    settings = settings or Settings.from_environment()
    with translated("exchange.look", folder):
        _check_folder(folder, create=False)
    return versions.look(folder, lock_timeout_s=settings.lock_timeout_s, progress=progress)


def _init(folder: Path) -> str:
    """The command that makes an exchange there, as a shell reads it."""
    return f"credit-trading --home {shlex.quote(str(folder))} init"


def _check_folder(folder: Path, *, create: bool) -> None:
    """Raises NotAnExchange or Unwritable for what cannot be opened; makes the folder if it may. Nothing else is touched."""
    if folder.exists() and not folder.is_dir():
        raise NotAnExchange(
            "exchange.open", folder, "a file, not a folder", hint="Give the folder that holds exchange.db."
        )
    if not create and not folder.is_dir():
        raise NotAnExchange("exchange.open", folder, "no such folder", hint=f"Create one: {_init(folder)}.")
    if not create and not (folder / FILE_NAME).exists() and _has_users(folder):
        raise _without_journal("exchange.open", folder)
    if not create and not (folder / FILE_NAME).exists():
        raise NotAnExchange(
            "exchange.open",
            folder,
            f"no exchange here ({FILE_NAME} is missing)",
            hint=f"Create one: {_init(folder)}.",
        )
    if create:
        make_private_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Unwritable(
            "exchange.open", folder, "the folder cannot be written to", hint="Check its owner and permissions."
        )


def _has_users(folder: Path) -> bool:
    return any(folder.glob("trading_*.db"))


def _is_empty(path: Path) -> bool:
    """Whether there is nothing in exchange.db, nor in its WAL."""
    return not any(one.exists() and one.stat().st_size for one in (path, Path(f"{path}-wal")))


def _without_journal(operation: str, folder: Path) -> NotAnExchange:
    return NotAnExchange(
        operation,
        folder,
        f"users' files are here, but {FILE_NAME} is missing or empty",
        hint="A new exchange would not know them; put the lost file back: credit-trading backup restore --from PLACE --exchange-db.",
    )


class Exchange:
    """One opened exchange. May be used from many threads; other processes may have the same folder open."""

    def __init__(self, home: Path, clock: Clock, settings: Settings, host: Adapter | str | None = None) -> None:
        self.home = home
        self._settings = settings
        self._live = LiveReplica(home, lock_timeout_s=settings.lock_timeout_s)
        self._files = UserFiles(home, self._live, pool_size=settings.pool_size, lock_timeout_s=settings.lock_timeout_s)
        self._projector = Projector(self._live, self._files, clock)
        self._follower = Follower(self._live, self._projector)
        self.following = Following(
            self._live, self._follower, beside=self._save_checkpoint, join_s=settings.lock_timeout_s
        )
        self._sequencer = Sequencer(
            self._live,
            self._projector,
            clock,
            lock_timeout_s=settings.lock_timeout_s,
            max_clock_jump_s=settings.max_clock_jump_s,
            project_on_commit=settings.project_on_commit,
        )
        self._reads = Reads(home)
        kept = KeptAnswers(
            self._live, self._projector, self._reads, most=settings.kept_answers, slow_ms=settings.slow_query_ms
        )
        self._desk = Desk(self._live, self._files, self._projector, self._sequencer, kept)
        self._link = Link(self._desk, settings, host)
        self._desk.check_project = self._link.check_project
        self._started = False
        self.market_data = MarketData(self._live, timeout_s=settings.lock_timeout_s)

    def as_admin(self, name: str, *, origin: str | None = None, correlation_id: str | None = None) -> Admin:
        """The exchange for an administrator; `name` stands in audit trails. Raises InvalidInput."""
        if not isinstance(name, str) or not name or not name.isprintable() or len(name) > 64:
            raise InvalidInput(
                "as_admin", shown(name), "an admin's name is 1 to 64 printable characters", hint='For example "setup".'
            )
        return Admin(self, self._desk, Principal(actor=f"admin:{name}", origin=origin, correlation_id=correlation_id))

    def as_user(self, user_id: str, *, origin: str | None = None, correlation_id: str | None = None) -> User:
        """The exchange for one user acting for themselves. Raises NotFound, InvalidInput."""
        number = self._desk.user_number(user_id)
        return User(
            self,
            self._desk,
            Principal(
                actor=f"user:{user_id}",
                number=number,
                user_id=user_id,
                origin=origin,
                correlation_id=correlation_id,
            ),
        )

    def submit(self, commands: Iterable[Prepared]) -> list[Outcome]:
        """Decides prepared commands in their order in one COMMIT; outcomes in the same order, rejections among them.

        Raises a StorageError if none of them took effect, OutcomeUnknown if that cannot be told yet.
        """
        return self._sequencer.submit(commands)

    def expire_due(self) -> int:
        """The sweep: what is due by time alone happens now instead of just before the next command. Returns how many orders expired.

        Orders expire, instruments open and close by their schedules. Until then an order whose time is up still stands in lists and
        books, though it can no longer trade; an instrument's own status is always shown by the clock.
        """
        return self._sequencer.expire_due()

    def save_checkpoint(self) -> bool:
        """Saves one now, beside whoever trades, unless nothing has happened since the last; whether it did. Raises StorageError."""
        with translated("checkpoint.save", self._live.checkpoints):
            return self._live.save_checkpoint(every_events=1)

    def follow(self, every_s: float = 1.0) -> None:
        """Starts a thread that keeps users' files and checkpoints near the journal's head, with a round every so many seconds.

        It ends when the exchange is closed. Of several processes on one folder one follows, and the others stand by; a forked child has
        to start its own. Raises InvalidInput.
        """
        self.following.start(checked_period(every_s))

    @property
    def sequence(self) -> int:
        """The journal's head."""
        return self._desk.reading(lambda replica: replica.sequence)

    def state_digest(self) -> str:
        """Equal for equal balances, open orders, instruments and users."""
        return self._desk.reading(state_digest)

    def close(self) -> None:
        """Writes a checkpoint if one is due and closes every file. Safe to repeat."""
        self._link.close()
        self.following.stop()
        with ExitStack() as closing:  # each, whatever becomes of the others
            closing.callback(self._live.close)
            closing.callback(self._files.close)
            closing.callback(self._reads.close)
            if self._started:
                self._started = False
                self._save_checkpoint(at_rest=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _found(self) -> None:
        path = self.home / FILE_NAME
        if path.exists() and path.stat().st_size > _ONE_PAGE:
            return
        settings = self._settings
        event = Founded(
            secrets.token_hex(16),
            settings.remember_commands,
            settings.remember_commands_s * 1_000_000,
            settings.remember_client_orders,
            settings.remember_client_orders_s * 1_000_000,
        )
        first = Entry(1, self._sequencer.clock.now_us(), "founding", None, event, *[None] * 6)
        with self._live.turn():
            if not path.exists() or path.stat().st_size <= _ONE_PAGE:
                with suppress(AlreadyExists):
                    Log.found(path, first, exchange_db.ADDED)

    def _start(self) -> None:
        self._live.upgrade(exchange_db.MIGRATIONS)
        with self._live.reading():
            pass
        self._refuse_an_old_journal()
        self._started = True
        self._files.finish_all()
        leftovers.sweep_kept(self.home)
        self._save_checkpoint(at_rest=True)

    def _refuse_an_old_journal(self) -> None:
        """Going on from it would give out its sequences a second time. Users' files are looked at when they are used."""
        with self._live.history() as log:
            path = checkpoint.ahead(self._live.checkpoints, log.exchange_id, lambda: log.head()[0])
            if path is None and Mark.ahead_of(self.home, log) is not None:
                path = self.home / mark.FILE_NAME
            last, _ = log.head()
        if path is not None:
            raise FileAhead(
                "exchange.open",
                self._live.path,
                f"it is an old one: it ends at sequence {last}, and {path.name} knows more of it",
                hint="Put the newer one back, with its -wal. Only if that is lost for good: see what knows more by credit-trading verify,"
                f" and move {path} away.",
            )

    def _look(self) -> Status:
        users = len(self._projector.active_numbers())
        clock = self._sequencer.clock
        return look(self._live, self._files, self._follower, users=users, settings=self._settings, clock=clock)

    def _verify(self, user_id: str | None, *, deep: bool, progress: Progress) -> Verification:
        history = self.market_data._trade_history
        return verify(self._desk, history, exchange_db.SCHEMA, user_id=user_id, deep=deep, progress=progress)

    def _save_checkpoint(self, *, at_rest: bool = False) -> None:
        try:
            with translated("checkpoint.save", self._live.checkpoints):
                self._live.save_checkpoint(every_events=self._settings.checkpoint_every_events, at_rest=at_rest)
        except StorageError as error:
            _log.warning("no checkpoint was written: %s", error)


class Admin:
    """Everything, under an administrator's name."""

    def __init__(self, exchange: Exchange, desk: Desk, principal: Principal) -> None:
        self._exchange = exchange
        self._desk = desk
        self._principal = principal
        self.databases = TradingDatabaseManager(
            desk.live, desk.files, desk.projector, exchange._follower, self._submit_personal, self._submit_newcomers
        )
        self.assets = AssetAdministration(desk, principal)
        self.instruments = InstrumentAdministration(desk, principal)
        self.trading = TradingAdministration(desk, principal)
        self.accounts = AccountAdministration(desk, principal)
        self.transactions = TransactionAdministration(desk, principal)
        self.audit = AuditAdministration(desk)
        self.market_data = exchange.market_data

    @property
    def transfer(self) -> Transfer:
        """Histories as files: exports and imports. What only they need is loaded by those who use them."""
        from credit_trading.transfer.transfer import Transfer

        return Transfer(self._desk, self._principal)

    @property
    def backups(self) -> Backups:
        """Copies of the exchange, of one user or of all. What only backups need is loaded by those who make some."""
        from credit_trading.backup.service import Backups

        return Backups(self._desk, self._exchange._follower, self.market_data)

    @property
    def host(self) -> HostService:
        """The host application's own database. What only it needs is loaded by those who use it.

        Raises StorageError where SQLAlchemy is missing.
        """
        with needing_sqlalchemy():
            from credit_trading.host.service import HostService

        return HostService(self._exchange._link, self._principal)

    def on_behalf_of(self, user_id: str) -> ManagedUser:
        """A user's services, with this admin as the one who acts. Raises NotFound."""
        principal = self._principal
        return ManagedUser(
            self._exchange,
            self._desk,
            Principal(
                actor=principal.actor,
                number=self._desk.user_number(user_id),
                user_id=user_id,
                origin=principal.origin,
                correlation_id=principal.correlation_id,
            ),
        )

    def journal(self, *, after: int = 0) -> Iterator[JournalEntry]:
        """What happened, in order, beyond the sequence `after`, up to now. Raises InvalidInput."""
        problem = "a sequence is a whole number, 0 or more"
        after = checked_number(after, what="journal", problem=problem, hint="The first event is number 1.")
        last = self._exchange.sequence
        while after < last:
            with self._desk.live.history() as log:
                entries = [entry for entry in map(log.entry, range(after + 1, min(after + 1000, last) + 1)) if entry]
            for entry in entries:
                data = msgspec.to_builtins(msgspec.structs.asdict(entry.event))
                yield JournalEntry(entry.sequence, entry.time_us, entry.event.kind, entry.cause, data)
            after += 1000

    def verify(
        self, user_id: str | None = None, *, deep: bool = False, progress: Progress = no_progress
    ) -> Verification:
        """Whether everything is as it must be, or one user's file: see `credit_trading.verify`. Raises NotFound for an unknown user.

        Quick: the end of the journal, every invariant in memory, and where every file stands. `deep`: every row of every file.
        """
        return self._exchange._verify(user_id, deep=deep, progress=progress)

    def migrate_files(self, *, progress: Progress = no_progress) -> Migrated:
        """Brings every user's file to this version, which otherwise happens when it is next opened. May be interrupted and repeated.

        A file that cannot be migrated is named, and holds up no other.
        """
        desk = self._desk
        return Migrating(desk.live, desk.files, desk.projector).run(progress=progress)

    def journal_head(self) -> JournalHead:
        """Where the journal ends. Keep sequence and hash somewhere else: they prove later what was true now."""
        return journal_head(self._desk.live)

    def check_journal_head(self, sequence: int, hash: str, *, progress: Progress = no_progress) -> Finding | None:
        """None if history up to that row is what it was when the head was kept; else what is wrong. Raises InvalidInput."""
        return check_head(self._desk.live, sequence, hash, progress=progress)

    def status(self) -> Status:
        """How the exchange stands just now: see `credit_trading.status`. Of pool and descriptors, those of this process."""
        return self._exchange._look()

    def _submit_personal(self, command: cmd.Command, personal: PersonalPart) -> None:
        prepared = self._desk.sequencer.prepare(
            command, scope=self._principal.scope, note=self._principal.note(), personal=personal
        )
        self._desk.run("users", "", prepared)

    def _submit_newcomers(self, commands: Sequence[tuple[cmd.Command, PersonalPart]]) -> list[TradingError | None]:
        """Their files are made afterwards, all together, and show them when they are next read."""
        sequencer, scope, note = self._desk.sequencer, self._principal.scope, self._principal.note()
        prepared = [
            sequencer.prepare(command, scope=scope, note=note, personal=personal) for command, personal in commands
        ]
        return [outcome.error for outcome in sequencer.submit(prepared, project=False)]


class User:
    """What one user can see and do. None of it can name another user, nor make credits or money."""

    def __init__(self, exchange: Exchange, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._principal = principal
        self._number = principal.number
        self.orders = OwnOrders(desk, principal)
        self.transactions = OwnTransactions(desk, principal)
        self.accounts = AccountService(desk, principal)
        self.audit = AuditService(desk, principal)
        self.market_data = exchange.market_data

    @property
    def statements(self) -> Statements:
        """What the user is given of a period. What only statements need is loaded by those who ask for some."""
        from credit_trading.statements.statements import Statements

        return Statements(self._desk, self._principal)

    def get_trading_database(self) -> sqlite_utils.Database:
        """The user's own file as of now, read-only; close it when done."""
        return self._desk.projector.open_database(self._number)


class ManagedUser(User):
    """What an administrator can see and do for one user: also enters what happened outside, and reports fills from there."""

    orders: OrderManagementService
    transactions: TransactionService

    def __init__(self, exchange: Exchange, desk: Desk, principal: Principal) -> None:
        super().__init__(exchange, desk, principal)
        self.orders = OrderManagementService(desk, principal)
        self.transactions = TransactionService(desk, principal)


class JournalEntry(msgspec.Struct, frozen=True):
    """One event. `data` holds its fields; `cause` is the id of the command that caused it."""

    sequence: int
    time_us: int
    kind: str
    cause: str
    data: dict[str, object]


__all__ = [
    "Admin",
    "Exchange",
    "JournalEntry",
    "ManagedUser",
    "User",
    "folder_versions",
    "open_exchange",
    "verify_folder",
]
