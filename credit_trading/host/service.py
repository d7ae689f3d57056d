"""What an administrator does with the host's database: `admin.host`.

Here: one door to the room. Never here: how anything in it is done.
Always: only `init` makes tables; what takes a `connection` writes on that one, within the caller's own transaction, and does not commit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from credit_trading.host import schema
from credit_trading.host import standing as word
from credit_trading.host.connecting.connections import borrowed, translated_errors
from credit_trading.host.following import EVERY_S, Synced
from credit_trading.host.link import Link
from credit_trading.host.standing import HostStatus
from credit_trading.journal.tail import head_of
from credit_trading.progress import Progress, no_progress
from credit_trading.trading.desk import Number
from credit_trading.trading.principal import Principal
from credit_trading.users.background import checked_period

if TYPE_CHECKING:
    from credit_trading.host.activity import Activity
    from credit_trading.host.checking.check import HostCheck
    from credit_trading.host.checking.repair import HostRepair
    from credit_trading.host.following import HostFollowing
    from credit_trading.host.request_rows import Requests


def never() -> bool:
    """Nobody asks for an end."""
    return False


class HostService:
    """Bound to who is acting; the link is that of the opened exchange."""

    def __init__(self, link: Link, principal: Principal) -> None:
        self._link = link
        self._principal = principal

    def init(self) -> list[str]:
        """Makes our tables in the host's database, or brings them to this version; what it made or changed, each in a phrase.

        May be repeated. Raises InvalidInput where projects do not stand in the place that is named, StorageError, VersionUnsupported,
        FileForeign for tables of another exchange.
        """
        link = self._link
        with translated_errors(link.subject), link.adapter.transaction() as connection:
            if getattr(link.adapter, "knows_projects", False):
                link.adapter.project_status(connection, "0")  # a wrong place is told now, not with the first asset
            core, head = borrowed(connection), head_of(link.desk.live)
            return schema.init(core, link.tables, exchange_id=link.exchange_id, head=head)

    def sync(self, *, stop: Callable[[], bool] = never) -> Synced:
        """One round: shows what has happened, does what the host has asked for, and shows what came of it.

        Raises StorageError if the host's database cannot be reached, FileForeign if it knows another history.
        """
        return self._link.following.once(stop)

    def follow(self, every_s: float = EVERY_S) -> None:
        """Starts a thread that makes a round every so many seconds, with longer rests after failures. It runs already: nothing happens.

        It ends with `stop`, or when the exchange is closed; a forked child has to start its own. Any number of processes may follow.
        Raises InvalidInput.
        """
        every_s = checked_period(every_s)
        self._link.check_named()
        self._link.following.start(every_s)

    def stop(self) -> None:
        """Ends the thread after the batch that is under way."""
        self._link.following.stop()

    @property
    def following(self) -> HostFollowing:
        """The rounds, for those who make them in the foreground."""
        return self._link.following

    def status(self) -> HostStatus | None:
        """How far the host's database shows the journal, as far as is known without reaching it; None where it was never tried."""
        desk = self._link.desk
        with desk.live.history() as log:
            return word.look(desk.live.path.parent, log, now_us=desk.sequencer.clock.now_us())

    def check(self, *, progress: Progress = no_progress) -> HostCheck:
        """Compares every row of our tables, and the host's own balances, with the journal, while trading goes on. Changes nothing."""
        from credit_trading.host.checking.check import check_host

        link = self._link
        hanging_s = link.settings.host_hanging_s
        return check_host(link.desk.live, link.adapter, link.tables, hanging_s=hanging_s, progress=progress)

    def repair(
        self,
        *,
        dry_run: bool = False,
        own_tables: bool = False,
        other_history: bool = False,
        progress: Progress = no_progress,
    ) -> HostRepair:
        """Makes each row that differs from the journal as it must be, and keeps both in `trading_repairs`.

        `own_tables` also corrects the host's own balances, through its adapter. `other_history`: the exchange was put back to an earlier
        moment, or is another branch; without it such a host's database is not touched.
        """
        from credit_trading.host.checking.repair import repair_host

        link = self._link
        return repair_host(
            link.desk.live,
            link.adapter,
            link.tables,
            actor=self._principal.actor,
            dry_run=dry_run,
            own_tables=own_tables,
            other_history=other_history,
            progress=progress,
        )

    @property
    def requests(self) -> Requests:
        """What the host has asked for, and what became of it."""
        from credit_trading.host.request_rows import Requests

        link = self._link
        return Requests(link.adapter, link.tables, hanging_s=link.settings.host_hanging_s)

    @property
    def activity(self) -> Activity:
        """What happened, as the host's dashboard shows it."""
        from credit_trading.host.activity import Activity

        return Activity(self._link.adapter, self._link.tables)

    def deposit(
        self,
        connection: Any,
        request_id: str,
        *,
        user_id: str,
        amount: Number,
        asset: str | None = None,
        project_id: str | None = None,
        note: str | None = None,
        actor: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        """Asks for credits to be brought to the exchange, in the caller's transaction: it is done if, and only if, that commits.

        `asset` may be left out where the project has one only. Raises InvalidInput, AlreadyExists for an id that is in
        use: ids are for ever.
        """
        self.requests.deposit(
            connection,
            request_id,
            user_id=user_id,
            amount=amount,
            asset=asset,
            project_id=project_id,
            note=note,
            actor=self._actor(actor),
            correlation_id=correlation_id or self._principal.correlation_id,
        )

    def withdraw(
        self,
        connection: Any,
        request_id: str,
        *,
        user_id: str,
        amount: Number,
        asset: str | None = None,
        project_id: str | None = None,
        note: str | None = None,
        actor: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        """Asks for credits back: the exchange holds them then, and waits for `confirm` or `fail`. Otherwise as `deposit`."""
        self.requests.withdraw(
            connection,
            request_id,
            user_id=user_id,
            amount=amount,
            asset=asset,
            project_id=project_id,
            note=note,
            actor=self._actor(actor),
            correlation_id=correlation_id or self._principal.correlation_id,
        )

    def confirm(self, connection: Any, request_id: str) -> None:
        """The host has added on its own side what the exchange holds for the withdrawal, in this very transaction.

        Raises NotFound, CommandConflict for a request that is not held, or was decided before.
        """
        self.requests.confirm(connection, request_id)

    def fail(self, connection: Any, request_id: str) -> None:
        """The host could not: the exchange gives the credits back to the user. Raises as `confirm`."""
        self.requests.fail(connection, request_id)

    def give_up(self, connection: Any, request_id: str) -> None:
        """The host takes back its own side of a request that was set aside, in this very transaction: it is refused from here on.

        Raises NotFound, CommandConflict for any other.
        """
        self.requests.give_up(connection, request_id)

    def retire_project(self, connection: Any, request_id: str, project_id: str) -> None:
        """The host retires a project; its instruments are halted, unless the settings say otherwise."""
        actor, correlation_id = self._actor(None), self._principal.correlation_id
        self.requests.retire_project(connection, request_id, project_id, actor=actor, correlation_id=correlation_id)

    def _actor(self, given: str | None) -> str:
        """Who asks, as far as 64 characters hold it."""
        return given if given is not None else self._principal.actor.removeprefix("admin:")
