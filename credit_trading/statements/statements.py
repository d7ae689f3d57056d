"""Statements: what a user is given of a period, in the form that is asked for.

Here: the service, and where a statement is written to. Never here: what stands in it (reading), its forms (rows, page).
Always: a file appears whole or not at all; nobody who trades waits for the one who reads a statement.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO

from credit_trading.checks import shown
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.statements.page import write_html
from credit_trading.statements.reading import OpenStatement, opened
from credit_trading.statements.records import Statement
from credit_trading.statements.rows import write_csv, write_json
from credit_trading.store.files import publishing_new
from credit_trading.store.sqlite import StrPath, translated
from credit_trading.trading.desk import Desk
from credit_trading.trading.order_input import Moment
from credit_trading.trading.principal import Principal
from credit_trading.users.tables.balances_over_time import BOOKED

_WRITERS: dict[str, Callable[[BinaryIO, OpenStatement], None]] = {
    "csv": write_csv,
    "html": write_html,
    "json": write_json,
}
FORMATS = tuple(_WRITERS)

_IN_MEMORY = 1 << 20
"""Bytes of a statement before it is put on disk; it never has a name there."""


class Statements:
    """Statements of the user it is bound to.

    Every statement is of a period: from one moment up to before another, a date being its first moment in UTC; from the first transaction
    up to now unless told otherwise. By default it shows what was `booked` in that time, so that statements of consecutive periods chain for
    ever: each opens with what the one before closed with. `by="date"` counts what was entered late in the period in which it happened; such
    a statement may differ once more is entered. All raise InvalidInput, and FileCorrupt where the changes do not tie.
    """

    def __init__(self, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._user = principal.number

    def get_statement(self, from_: Moment | None = None, to: Moment | None = None, *, by: str = BOOKED) -> Statement:
        """All of it but its lines: balances, sums, fees, results; what is pending and open if it goes up to now."""
        with self.open_statement(from_, to, by=by) as source:
            return source.statement

    @contextmanager
    def open_statement(
        self, from_: Moment | None = None, to: Moment | None = None, *, by: str = BOOKED
    ) -> Iterator[OpenStatement]:
        """The same with its `lines()`, which are read one at a time until the end of the block."""
        with opened(self._desk, self._user, from_=from_, to=to, by=by) as source:
            yield source

    def write_statement(
        self,
        target: StrPath | BinaryIO,
        from_: Moment | None = None,
        to: Moment | None = None,
        *,
        format: str = "html",
        by: str = BOOKED,
    ) -> Statement:
        """As csv, html or json, to a binary stream or a new file, which is for its owner only (0600).

        Raises AlreadyExists, NotFound for a folder that is not there, Unwritable.
        """
        write = _WRITERS.get(format) if isinstance(format, str) else None
        if write is None:
            hint = f"Choose from {', '.join(FORMATS)}."
            raise InvalidInput("format", shown(format), "a statement has no such format", hint=hint)
        if not isinstance(target, str | os.PathLike):
            return self._write_to(target, write, from_, to, by)
        path = Path(target)
        if not path.parent.is_dir():
            problem = f"there is no folder {path.parent}"
            raise NotFound("statement", path, problem, hint="Make it, or name a file elsewhere.")
        with publishing_new(path) as file, opened(self._desk, self._user, from_=from_, to=to, by=by) as source:
            write(file, source)
            return source.statement

    def _write_to(
        self,
        stream: BinaryIO,
        write: Callable[[BinaryIO, OpenStatement], None],
        from_: Moment | None,
        to: Moment | None,
        by: str,
    ) -> Statement:
        """By way of a file without a name: whoever reads the stream slowly keeps nothing open, and gets nothing of one that fails."""
        with SpooledTemporaryFile(_IN_MEMORY) as spool:
            with (
                translated("statement", "temporary file"),
                opened(self._desk, self._user, from_=from_, to=to, by=by) as source,
            ):
                write(spool, source)  # type: ignore[arg-type]  # a spooled file is one, too
                statement = source.statement
            spool.seek(0)
            shutil.copyfileobj(spool, stream, 1 << 20)
        return statement
