"""What goes wrong with the host's database, in words that anybody may read.

Here: errors of SQLAlchemy, drivers and Django as StorageError, and URLs without their secrets. Never here: trying again (following).
Always: no password, and no value of a statement's parameters, gets into a message.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc, make_url

from credit_trading.errors import StorageError

_DRIVERS = ("sqlite3", "psycopg", "psycopg2", "pymysql", "MySQLdb", "django.db.utils")
_OURS = (
    exc.DBAPIError,
    exc.TimeoutError,
    exc.DisconnectionError,
    exc.ResourceClosedError,
    exc.PendingRollbackError,
)
_UNAVAILABLE = ("OperationalError", "InterfaceError", "TimeoutError", "DisconnectionError")
_NO_TABLE = re.compile(r"no such table|relation .* does not exist|table .* doesn't exist", re.IGNORECASE)
_NO_COLUMN = re.compile(r"no such column|column .* does not exist|unknown column", re.IGNORECASE)
_SECRET = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)


@contextmanager
def translated_errors(subject: str) -> Iterator[None]:
    """What SQLAlchemy, a driver or Django raises within becomes a StorageError about `subject`; everything else passes.

    Whether a COMMIT that raised was taken, only the database can say.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, (*_OURS, *_errors_of_drivers())):
            raise
        problem, hint = _told(error)
        raise StorageError("host", subject, problem, hint=hint) from error


def _errors_of_drivers() -> Iterator[type[Exception]]:
    """Of those that anybody has imported."""
    for name in _DRIVERS:
        found = getattr(sys.modules.get(name), "Error", None)
        if isinstance(found, type):
            yield found


def _told(error: Exception) -> tuple[str, str]:
    """The first line of what the driver says, for what follows may hold values; and what to do."""
    said = getattr(error, "orig", None) or error
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    problem = (lines[0] if lines else type(said).__name__)[:300].rstrip(".: ")
    if _NO_TABLE.search(problem):
        return problem, "Make our tables there: credit-trading host init."
    if _NO_COLUMN.search(problem):
        return problem, "Bring our tables to this version: credit-trading host init."
    if type(said).__name__ in _UNAVAILABLE or isinstance(error, exc.OperationalError | exc.InterfaceError):
        return problem, "Nothing was lost; see that the database runs, can be reached and has room."
    return problem, "The transaction was rolled back; whoever follows tries it again."


def safe_url(url: str) -> str:
    """The URL as it may be shown: passwords in it are `***`."""
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        return "a URL that cannot be read"
    for place in (parsed.host, parsed.database if parsed.host else None):
        if place and "@" in place:  # a password with an @ that was not written as %40 ends up there
            return f"{parsed.drivername}://***@{url.rpartition('@')[2].partition('?')[0]}"
    secrets = {name: "***" for name in parsed.query if _SECRET.search(name)}
    if parsed.password is None and not secrets:
        return url
    return parsed.update_query_dict(secrets).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")
