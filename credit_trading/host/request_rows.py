"""Requests as rows of `trading_requests`: how a host asks, decides, and sees what came of it.

Here: writing such a row within the host's own transaction, and reading them. Never here: what becomes of it (inward, outcomes).
Always: a row that is written here can become a command, unless the exchange knows no such user, asset or project; what the host does in the
same transaction is committed with it or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Unpack, cast

from sqlalchemy import ColumnElement, Connection, Select, String, and_, func, or_, select, type_coerce, update

from credit_trading.checks import checked_id, checked_number, shown
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.host import position
from credit_trading.host.adapter import Adapter
from credit_trading.host.connecting.connections import borrowed, translated_errors
from credit_trading.host.inwards import request_writing
from credit_trading.host.inwards.request_writing import (
    LIST_HINT,
    REQUESTS,
    Moved,
    Number,
    Wishes,
    ask_for_move,
    decide,
    insert_request,
)
from credit_trading.host.request import Decision, RequestKind, RequestStatus
from credit_trading.host.rows import RequestRow
from credit_trading.host.tables import Tables

DEFAULT_PREFIX = "trading_"
"""Of the tables."""

_MOST = 1_000
_UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def deposit(
    connection: object,
    request_id: str,
    *,
    user_id: str,
    amount: Number,
    prefix: str = DEFAULT_PREFIX,
    **more: Unpack[Moved],
) -> None:
    """Asks, in the transaction of `connection`, that the user gets so much on the exchange; the host takes it from its side in the same.

    `more`: `asset`, or `project_id` where that project has exactly one asset; `note`, `actor`, `correlation_id`. The id is one for ever.
    Raises InvalidInput, AlreadyExists for an id that is in use.
    """
    ask_for_move(connection, _tables(prefix), RequestKind.DEPOSIT, request_id, user_id, amount, more)


def withdraw(
    connection: object,
    request_id: str,
    *,
    user_id: str,
    amount: Number,
    prefix: str = DEFAULT_PREFIX,
    **more: Unpack[Moved],
) -> None:
    """Asks that so much is held on the exchange; once the request is `held`, `confirm` it where the host credits its own side.

    Otherwise as `deposit`.
    """
    ask_for_move(connection, _tables(prefix), RequestKind.WITHDRAWAL, request_id, user_id, amount, more)


def confirm(connection: object, request_id: str, *, prefix: str = DEFAULT_PREFIX) -> None:
    """The host credits its own side in this transaction: the credits that are held leave the exchange.

    Raises NotFound, CommandConflict for a request that is not held, or on which the host has decided before.
    """
    decide(connection, _tables(prefix), request_id, Decision.CONFIRM)


def fail(connection: object, request_id: str, *, prefix: str = DEFAULT_PREFIX) -> None:
    """The host does not take the credits: what is held is given back to the user. Raises as `confirm`."""
    decide(connection, _tables(prefix), request_id, Decision.FAIL)


def give_up(connection: object, request_id: str, *, prefix: str = DEFAULT_PREFIX) -> None:
    """The host gives up a request that was set aside, and takes its own side of it back in this transaction: it is `refused` from here on.

    Should the exchange carry it out all the same, by somebody who has slept since, its row is done again through `Adapter.reapply`.
    Raises NotFound, CommandConflict for any other.
    """
    request_writing.give_up(connection, _tables(prefix), request_id)


def retire_project(
    connection: object, request_id: str, project_id: str, *, prefix: str = DEFAULT_PREFIX, **more: Unpack[Wishes]
) -> None:
    """Says that the host has retired the project; its instruments are halted, unless the settings say otherwise.

    Raises InvalidInput, AlreadyExists.
    """
    content = {"project_id": checked_id(project_id, what="project id")}
    insert_request(connection, _tables(prefix), RequestKind.RETIRE_PROJECT, request_id, content, more)


def row_of(stored: Mapping[str, Any]) -> RequestRow:
    """A row as the database gave it, whatever it makes of times and truth."""
    row = dict(stored)
    row["reapply"] = bool(row["reapply"])
    row["created_at"] = _time(row["created_at"]) or _UNKNOWN_TIME
    row["updated_at"] = _time(row["updated_at"])
    return cast("RequestRow", row)


class Requests:
    """Of one host's database. What is written goes with the transaction of the connection given; what is read has one of its own."""

    def __init__(self, adapter: Adapter, tables: Tables, *, hanging_s: int = 86_400) -> None:
        self._adapter = adapter
        self._tables = tables
        self._hanging_s = hanging_s

    def deposit(
        self, connection: object, request_id: str, *, user_id: str, amount: Number, **more: Unpack[Moved]
    ) -> None:
        """See `deposit`."""
        ask_for_move(connection, self._tables, RequestKind.DEPOSIT, request_id, user_id, amount, more)

    def withdraw(
        self, connection: object, request_id: str, *, user_id: str, amount: Number, **more: Unpack[Moved]
    ) -> None:
        """See `withdraw`."""
        ask_for_move(connection, self._tables, RequestKind.WITHDRAWAL, request_id, user_id, amount, more)

    def confirm(self, connection: object, request_id: str) -> None:
        """See `confirm`."""
        decide(connection, self._tables, request_id, Decision.CONFIRM)

    def fail(self, connection: object, request_id: str) -> None:
        """See `fail`."""
        decide(connection, self._tables, request_id, Decision.FAIL)

    def give_up(self, connection: object, request_id: str) -> None:
        """See `give_up`."""
        request_writing.give_up(connection, self._tables, request_id)

    def retire_project(self, connection: object, request_id: str, project_id: str, **more: Unpack[Wishes]) -> None:
        """See `retire_project`."""
        retire_project(connection, request_id, project_id, prefix=self._tables.prefix, **more)

    def get(self, request_id: str) -> RequestRow:
        """Raises NotFound."""
        with translated_errors(position.FOLLOWER), self._adapter.transaction() as connection:
            return _get(borrowed(connection), self._tables, request_id)

    def retry(self, request_id: str) -> RequestRow:
        """One that was set aside is new again, as it stands now. Raises NotFound, InvalidInput for any other."""
        with translated_errors(position.FOLLOWER), self._adapter.transaction() as connection:
            core = borrowed(connection)
            position.locked(core, self._tables)
            row = self._tables.requests
            retried = core.execute(
                update(row)
                .where(row.c.id == request_id, row.c.status == RequestStatus.SET_ASIDE.value)
                .values(status=RequestStatus.NEW.value, code=None, sentence=None, updated_at=datetime.now(UTC))
            )
            found = _get(core, self._tables, request_id)
        if retried.rowcount != 1:
            problem = f"it is {shown(found['status'])}, and only what is set aside can be tried again"
            raise InvalidInput(REQUESTS, request_id, problem, hint="Ask anew, under an id of its own.")
        return found

    def hanging(self, older_than_s: int | None = None, *, now: datetime | None = None) -> list[RequestRow]:
        """Those that have been new, held or set aside for longer than that; and those in no status that there is. 1,000 at most."""
        age = timedelta(seconds=self._hanging_s if older_than_s is None else older_than_s)
        row, border = self._tables.requests, (now or datetime.now(UTC)) - age
        waiting = (RequestStatus.NEW.value, RequestStatus.HELD.value, RequestStatus.SET_ASIDE.value)
        query = (
            select_requests(self._tables)
            .where(
                or_(
                    and_(row.c.status.in_(waiting), func.coalesce(row.c.updated_at, row.c.created_at) < border),
                    row.c.status.not_in([status.value for status in RequestStatus]),
                )
            )
            .order_by(row.c.created_at, row.c.id)
            .limit(_MOST)
        )
        with translated_errors(position.FOLLOWER), self._adapter.transaction() as connection:
            return [row_of(found._asdict()) for found in borrowed(connection).execute(query)]

    def list(self, status: str | None = None, *, limit: int = 100, after: str | None = None) -> list[RequestRow]:
        """In the order in which they are worked off, from beyond the request `after`. Raises InvalidInput, NotFound for that one."""
        most = checked_number(
            limit, what="limit", problem=f"a limit is 1 to {_MOST}", hint="For example 100.", least=1, most=_MOST
        )
        row = self._tables.requests
        query = select_requests(self._tables).order_by(row.c.created_at, row.c.id).limit(most)
        if status is not None:
            query = query.where(row.c.status == _checked_status(status))
        with translated_errors(position.FOLLOWER), self._adapter.transaction() as connection:
            core = borrowed(connection)
            if after is not None:
                query = query.where(beyond(self._tables, _get(core, self._tables, after)["id"]))
            return [row_of(found._asdict()) for found in core.execute(query)]


def select_requests(tables: Tables) -> Select[*tuple[Any, ...]]:
    """Whole rows, with times as the database has them: a host may have written anything there."""
    row = tables.requests
    times = [type_coerce(column, String).label(column.name) for column in (row.c.created_at, row.c.updated_at)]
    return select(*(column for column in row.c if column.name not in ("created_at", "updated_at")), *times)


def beyond(tables: Tables, request_id: str) -> ColumnElement[bool]:
    """Those that come after it in the order of `created_at` and `id`; the database itself compares the times that it holds."""
    row = tables.requests
    here = tables.requests.alias("here")
    time = select(here.c.created_at).where(here.c.id == request_id).scalar_subquery()
    return or_(row.c.created_at > time, and_(row.c.created_at == time, row.c.id > request_id))


def _get(core: Connection, tables: Tables, request_id: str) -> RequestRow:
    checked_id(request_id, what="request id")
    found = core.execute(select_requests(tables).where(tables.requests.c.id == request_id)).first()
    if found is None:
        raise NotFound(REQUESTS, request_id, "no such request", hint=LIST_HINT)
    return row_of(found._asdict())


def _checked_status(status: str) -> str:
    known = [status.value for status in RequestStatus]
    if status not in known:
        raise InvalidInput("status", shown(status), "not a status of requests", hint=f"Choose from {', '.join(known)}.")
    return str(status)


def _time(value: object) -> datetime | None:
    """In UTC; None for none, and for what is no time."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@lru_cache(maxsize=8)
def _tables(prefix: str) -> Tables:
    return Tables(prefix)
