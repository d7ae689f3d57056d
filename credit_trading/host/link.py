"""What ties one opened exchange to its host's database: the adapter, our tables, and one round of both directions.

Here: making each of them once, when it is first needed. Never here: what becomes of events (outward) and of requests (inward).
Always: an exchange has one link for all of its threads; nothing reaches for the host's database, or loads SQLAlchemy, before somebody
asks for something of it.
"""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import attrs

from credit_trading.config import Settings
from credit_trading.errors import InvalidInput, StorageError, TradingError
from credit_trading.host.adapter import Adapter
from credit_trading.host.following import HostFollowing, Synced
from credit_trading.host.standing import Standing, without_passwords
from credit_trading.trading.desk import Desk

if TYPE_CHECKING:
    from credit_trading.host.inwards.inward import Inward
    from credit_trading.host.outwards.outward import Outward
    from credit_trading.host.tables import Tables

Given = Adapter | str | None
"""Whom the host is reached by: its adapter, a URL, `module:name`, or what the settings say."""

_HOW = "Set CREDIT_TRADING_HOST_URL, for example sqlite:///app.db or postgresql+psycopg://me@localhost/app, or give an adapter."

_LEFT_OUT = ("apply", "project_status", "reapply", "keeps", "own_balances", "set_own_balance")
"""Of an adapter's methods those that it may leave to its class."""

_all: weakref.WeakSet[Link] = weakref.WeakSet()


@attrs.define(eq=False, weakref_slot=True)
class Link:
    """Of one opened exchange."""

    desk: Desk
    settings: Settings
    given: Given = None
    _adapter: Adapter | None = None
    _tables: Tables | None = None
    _following: HostFollowing | None = None
    _both: tuple[Outward, Inward] | None = None
    _check_project: Callable[[str], None] | None = None
    _making: threading.RLock = attrs.Factory(threading.RLock)

    def __attrs_post_init__(self) -> None:
        _all.add(self)

    @property
    def adapter(self) -> Adapter:
        """Made when it is first asked for. Raises InvalidInput where no host is named, or not one that can be loaded."""
        with self._making:
            if self._adapter is None:
                self._adapter = adapter_of(self.given, self.settings)
            return self._adapter

    @property
    def tables(self) -> Tables:
        """Raises InvalidInput for a prefix that is no name."""
        with self._making:
            if self._tables is None:
                from credit_trading.host.tables import Tables

                self._tables = Tables(self.settings.host_prefix)
            return self._tables

    def check_named(self) -> None:
        """Raises InvalidInput where no host is named, or a wrong one: for those who leave the rest to a thread."""
        assert self.adapter is not None
        assert self.tables is not None

    @property
    def following(self) -> HostFollowing:
        """The rounds of this exchange."""
        with self._making:
            if self._following is None:
                self._following = HostFollowing(self.round, self._standing, join_s=self.settings.lock_timeout_s)
            return self._following

    @property
    def subject(self) -> str:
        """The host's database by a name that may be shown."""
        return without_passwords(str(getattr(self.adapter, "subject", type(self.adapter).__name__)))

    @property
    def exchange_id(self) -> str:
        with self.desk.live.history() as log:
            return log.exchange_id

    def round(self, stop: Callable[[], bool]) -> Synced:
        """Shows what has happened, does what the host asks for, and shows what came of that. Raises StorageError, FileForeign."""
        outward, inward = self._directions()
        first = outward.round(stop)
        if stop():
            return Synced(first.events, 0, 0, first.position)
        asked = inward.round(stop)
        submitted = asked.submitted + asked.ended + asked.retired
        if not submitted:
            return Synced(first.events, 0, asked.set_aside, first.position)
        then = outward.round(stop)
        return Synced(first.events + then.events, submitted, asked.set_aside, then.position)

    def _directions(self) -> tuple[Outward, Inward]:
        """For rounds, of which there is one at a time; what they remember of names serves the next round, too."""
        with self._making:
            if self._both is None:
                from credit_trading.host.inwards.inward import Inward
                from credit_trading.host.outwards.outward import Outward

                live, rows = self.desk.live, self.settings.host_batch_rows
                outward = Outward(live, self.adapter, self.tables, rows_per_batch=rows)
                self._both = outward, Inward(self.desk, self.adapter, self.tables, self.settings)
            return self._both

    def check_project(self, project_id: str) -> None:
        """Raises NotFound for a project that the host does not know, StorageError if that cannot be told; passes without a host."""
        if self.given is None and self.settings.host_adapter is None and self.settings.host_url is None:
            return
        with self._making:
            if self._check_project is None:
                with needing_sqlalchemy():
                    from credit_trading.host.inwards import projects

                self._check_project = projects.checker(self.adapter)
            check = self._check_project
        try:
            check(project_id)
        except TradingError:
            raise
        except Exception as error:  # the host's own code is asked
            problem = without_passwords(f"its project_status() fails ({type(error).__name__}: {error})")
            raise StorageError("host", self.subject, problem, hint="Nothing was done; correct the adapter.") from error

    def close(self) -> None:
        """Ends the thread that follows, if there is one, and lets go of connections that were made here."""
        if self._following is not None:
            self._following.stop()
        if self._adapter is not self.given and (close := getattr(self._adapter, "close", None)) is not None:
            close()

    def after_fork_in_child(self) -> None:
        """Locks that other threads of the parent held are nobody's here."""
        self._making = threading.RLock()
        if self._following is not None:
            self._following.after_fork_in_child()

    def _standing(self) -> Standing:
        live = self.desk.live
        clock = self.desk.sequencer.clock
        return Standing(live.path.parent, exchange_id=self.exchange_id, host=self.subject, clock=clock)


@contextmanager
def needing_sqlalchemy() -> Iterator[None]:
    """Raises StorageError where the block fails to import it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sqlalchemy":
            raise
        problem = "SQLAlchemy is not installed, and a host's database needs it"
        raise StorageError("host", "", problem, hint="Install it: pip install 'credit-trading[host]'.") from error


def adapter_of(given: Given, settings: Settings) -> Adapter:
    """What was given, or what the settings name. Raises InvalidInput."""
    named = settings.host_adapter or settings.host_url if given is None else given
    if named is None:
        raise InvalidInput("host", "", "no host database is named", hint=_HOW)
    if not isinstance(named, str):
        return _whole(named, type(named).__name__)
    if "://" in named:
        from credit_trading.host.connecting.engine import EngineAdapter

        return EngineAdapter(named, projects=settings.host_projects)
    return _loaded(named)


def _loaded(name: str) -> Adapter:
    """The object of that name in a module; a class or function is called for it. What its module raises is told in a line."""
    module_name, _, attribute = name.partition(":")
    if not all(part.isidentifier() for word in (module_name, attribute) for part in word.split(".")):
        subject = "" if "@" in name else without_passwords(name)  # a URL that lacks its beginning
        raise InvalidInput("host", subject, "neither a URL nor module:name", hint=_HOW)
    try:
        found: object = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
        made = found if hasattr(found, "transaction") and not isinstance(found, type) else found()  # type: ignore[operator]
    except Exception as error:
        problem = without_passwords(f"cannot be loaded ({type(error).__name__}: {error})")
        raise InvalidInput(
            "host", name, problem, hint="Give module:name of an adapter that can be imported here."
        ) from error
    return _whole(made, name)


def _whole(found: object, name: str) -> Adapter:
    """What is asked of it later is there now. Raises InvalidInput."""
    for method in ("transaction", *_LEFT_OUT):
        if not callable(getattr(found, method, None)):
            hint = "Make its class a subclass of credit_trading.host.adapter.Adapter."
            raise InvalidInput("host", name, f"no adapter: it has no {method}()", hint=hint)
    return cast(Adapter, found)


def _after_fork_in_child() -> None:
    for link in list(_all):
        link.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
