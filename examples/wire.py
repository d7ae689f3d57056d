"""What goes over the wire, whatever the framework: requests as values, records as JSON, errors as problems (RFC 9457).

Here: the one table from an error to an HTTP status, and what of a query is handed on. Never here: a framework, or who is asking.
Always: amounts are text, as the exchange gives them; of trouble with files only the code goes out, for its words name paths.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from tempfile import TemporaryFile
from typing import IO, Any

import attrs
import msgspec

from credit_trading import OrderRejected, OutcomeUnknown, TradingError, User
from credit_trading.errors import AlreadyExists, Busy, CommandConflict, InvalidInput, NotFound, NotTaken, StorageError

_log = logging.getLogger(__name__)

STATUS: dict[type[TradingError], int] = {
    InvalidInput: 422,
    NotFound: 404,
    AlreadyExists: 409,
    CommandConflict: 409,
    OrderRejected: 409,
    Busy: 503,
    NotTaken: 503,
    OutcomeUnknown: 503,
    TradingError: 500,
}
"""An error that is not named has the status of the nearest class above it."""

RETRY_AFTER_S = 1

PAGE = 100
"""Rows of one answer."""

HISTORY_FILTERS = ("transaction_type", "side", "status", "credit_type", "currency", "counterparty", "text")
"""Whatever else a query says is not handed on."""

STATEMENT_TYPES = {"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8", "json": "application/json"}


class SignUp(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    password: str


class NewOrder(msgspec.Struct, forbid_unknown_fields=True):
    """Without `price` it is a market order."""

    symbol: str
    side: str
    quantity: str
    price: str | None = None
    time_in_force: str | None = None


class Deposit(msgspec.Struct, forbid_unknown_fields=True):
    user_id: str
    asset: str
    amount: str


@attrs.frozen
class Problem:
    """An error as HTTP knows it; the body is of the type application/problem+json."""

    status: int
    body: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        """Whatever is 503 may be sent again as it was, with its Idempotency-Key."""
        return {"Retry-After": str(RETRY_AFTER_S)} if self.status == 503 else {}


def problem_of(error: TradingError | msgspec.DecodeError) -> Problem:
    """What the client is told. What only the operator may know is logged."""
    if isinstance(error, msgspec.DecodeError):
        return Problem(422, {"status": 422, "title": "invalid_input", "detail": str(error)})
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    body: dict[str, Any] = {"status": status, "title": error.code}
    if isinstance(error, StorageError):
        _log.error("%s", error)
    else:
        body["detail"] = error.problem
    if isinstance(error, OrderRejected):
        body["rejection"] = error.rejection
    return Problem(status, body)


def idempotency_key(header: str | None) -> str:
    """The client's name for what it asks for: sent again with the same name, it happens once. Raises InvalidInput if there is none."""
    if header is None:
        problem = "the header Idempotency-Key is missing"
        raise InvalidInput("request", "", problem, hint="Send one, and the same one again when you repeat the request.")
    return header


def as_json(records: Iterable[Any]) -> list[dict[str, Any]]:
    """Records as the services give them."""
    return [msgspec.to_builtins(record) for record in records]


def history(user: User, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of transactions; `next` is what to send as `after` for the page that follows."""
    filters: dict[str, Any] = {name: query[name] for name in HISTORY_FILTERS if name in query}
    page = user.transactions.get_transaction_history(
        from_=query.get("from"), to=query.get("to"), after=query.get("after"), limit=PAGE, **filters
    )
    return {"transactions": as_json(page), "next": page.next}


def statistics(user: User, query: Mapping[str, str]) -> dict[str, Any]:
    """Of each `period` in which something happened (day, week, month), or of all of them together."""
    found = user.transactions.calculate_trading_statistics(period=query.get("period", "all"))
    return {"statistics": as_json(found)}


def audit_trail(user: User, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of what was done, by whom and from where."""
    page = user.audit.list_events(after=query.get("after"), limit=PAGE)
    return {"events": as_json(page), "next": page.next}


def statement(user: User, query: Mapping[str, str]) -> tuple[IO[bytes], str]:
    """A file that has no name and is closed by whoever gets it, and its content type."""
    form = query.get("format", "html")
    file = TemporaryFile()  # noqa: SIM115 - it is handed on
    try:
        user.statements.write_statement(file, query.get("from"), query.get("to"), format=form)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file, STATEMENT_TYPES[form]
