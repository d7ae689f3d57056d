"""Writing an export: the history of a user, or of all, as JSON Lines and CSV in one zip file.

Here: which rows, in which order, and the file around them. Never here: the fields (schema), the form of a line (lines), SQL (users), as of
when that is (moment). Always: two exports of the same content are equal byte for byte; the file appears whole or not at all; a user's
export tells of others no more than who they were; of a history one row is in memory.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import attrs
import msgspec

from credit_trading.errors import Busy, NotFound
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.recorded import MOVES
from credit_trading.progress import Progress
from credit_trading.spreadsheet import csv_line
from credit_trading.store.files import publishing_new
from credit_trading.store.sqlite import Connection, StrPath
from credit_trading.trading.desk import Desk
from credit_trading.transfer import schema
from credit_trading.transfer.lines import json_line
from credit_trading.transfer.manifest import Manifest, StoredTable
from credit_trading.transfer.moment import Moment
from credit_trading.transfer.schema import (
    ASSETS,
    BALANCES,
    CSV,
    INSTRUMENTS,
    JSONL,
    ORDERS,
    TABLES,
    TRANSACTIONS,
    USERS,
)
from credit_trading.users import catalogue
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.tables import contents

_IN_MEMORY = 1 << 20
"""Bytes of one file of the export, before it is put on disk; it never has a name there."""

_OF_UNSETTLED = dict.fromkeys(("expires_at", "status_changed_at", "status_reason"))
"""What is told of a transaction as long as it is not settled, and is nothing afterwards."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can tell: it stands for no time at all."""

_PAGE = 1_000

_ATTEMPTS = 5
"""After a user was deleted it begins again, with a later moment."""


@attrs.frozen
class Exported:
    """What stands in the file at `path`: so many rows of each table."""

    path: Path
    rows: dict[str, int]


class _Deleted(Exception):
    """A user was deleted since the moment that is shown: there may be no file any more, and the user is not to be exported."""


def export(desk: Desk, path: StrPath, *, user_id: str | None, progress: Progress) -> Exported:
    """See `Transfer.export`."""
    target = Path(path)
    with publishing_new(target) as file:
        for _ in range(_ATTEMPTS):
            with ExitStack() as stack:
                parts = {table: stack.enter_context(_Part(table, target.parent)) for table in TABLES}
                try:
                    _fill(parts, desk, user_id, progress)
                except _Deleted:
                    continue
                _write_zip(file, list(parts.values()))
                return Exported(target, {table.name: part.rows for table, part in parts.items()})
        raise Busy("export", target, "users kept being deleted meanwhile; nothing was written", hint="Try again.")


def _fill(parts: Mapping[schema.Table, _Part], desk: Desk, user_id: str | None, progress: Progress) -> None:
    number = desk.user_number(user_id) if user_id is not None else None
    moment = Moment.now(desk, only=number)
    content = _Content(moment, parts)
    users = sorted(_users(desk, moment), key=lambda user: user.user_id)
    for done, user in enumerate(users, 1):
        try:
            with moment.tables(desk, user.number) as connection:
                content.add(user, connection)
        except NotFound:
            raise _Deleted from None
        progress(done, len(users))
    content.finish(everything=number is None)


def reference(exchange_id: str, transaction_id: int) -> str:
    """What a transaction that happened here is called elsewhere."""
    return f"{exchange_id[:8]}-{transaction_id}"


def trade_reference(exchange_id: str, trade: object) -> str:
    """The same of a trade, for both of its sides and for its bust."""
    return f"{exchange_id[:8]}-trade-{trade}"


def transaction(exchange_id: str, user_id: str, row: Mapping[str, object]) -> dict[str, str | None]:
    """A row of the user's file as it is exported. What the exchange itself did was entered when it happened."""
    trade = row["trade_id"]
    own: dict[str, object] = {
        "user_id": user_id,
        "reference": row["reference"] or reference(exchange_id, int(str(row["transaction_id"]))),
        "trade_reference": trade_reference(exchange_id, trade) if trade is not None else row["trade_reference"],
        "recorded_at": row["recorded_at"] or row["transaction_date"],
        "fee": None if row["transaction_type"] in MOVES else row["fee"],
    }
    if row["status"] == TransactionStatus.SETTLED:
        own |= _OF_UNSETTLED
    return _texts(TRANSACTIONS.names, {**row, **own})


class _Content:
    """Fills the parts, user by user."""

    def __init__(self, moment: Moment, parts: Mapping[schema.Table, _Part]) -> None:
        self._moment = moment
        self._parts = parts
        self._assets: set[str] = set()
        self._symbols: set[str] = set()

    def add(self, user: StoredUser, connection: Connection) -> None:
        """All of one user."""
        user_id = user.user_id
        method = contents.cost_method(connection)
        self._parts[USERS].add({"user_id": user_id, "email": user.email, "cost_method": method})
        for balance in contents.balances(connection):
            self._parts[BALANCES].add({"user_id": user_id, **balance})
        for row in contents.transactions(connection):
            self._parts[TRANSACTIONS].add(transaction(self._moment.exchange_id, user_id, row))
        for row in contents.orders(connection):
            self._parts[ORDERS].add(_texts(ORDERS.names, {**row, "user_id": user_id}))
        self._assets.update(contents.assets(connection))
        self._symbols.update(contents.symbols(connection))

    def finish(self, *, everything: bool) -> None:
        """What the users' rows are counted in, or all that there was."""
        for asset in self._moment.assets:
            if everything or asset.code in self._assets:
                self._parts[ASSETS].add({"asset": asset.code, "decimals": str(asset.decimals)})
        for instrument in self._moment.instruments:
            if everything or instrument.symbol in self._symbols:
                self._parts[INSTRUMENTS].add(_texts(INSTRUMENTS.names, attrs.asdict(instrument)))


class _Part:
    """One table, in both forms, as it grows."""

    def __init__(self, table: schema.Table, folder: Path) -> None:
        self.table = table
        self.rows = 0
        self._folder = folder
        self._names = table.names

    def __enter__(self) -> _Part:
        self._stack = ExitStack()
        self.files: dict[str, IO[bytes]] = {
            f"{self.table.name}{ending}": self._stack.enter_context(
                SpooledTemporaryFile(_IN_MEMORY, dir=str(self._folder))  # noqa: SIM115 - the stack closes it
            )
            for ending in (JSONL, CSV)
        }
        self._jsonl, self._csv = self.files.values()
        self._csv.write(csv_line(self._names))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, values: Mapping[str, str | None]) -> None:
        self.rows += 1
        self._jsonl.write(json_line(self.table, values))
        self._csv.write(csv_line([values.get(name) for name in self._names]))


def _users(desk: Desk, moment: Moment) -> list[StoredUser]:
    """Those who were there at the moment. Raises _Deleted where one is no longer."""
    found: list[StoredUser] = []
    after = moment.first - 1
    while after < moment.last:
        with desk.live.history() as log:
            page = catalogue.page(log.connection, after=after, most=min(_PAGE, moment.last - after))
        after = page[-1].number
        found += [user for user in page if user.state == "active" and moment.has(user.number)]
    if len(found) < moment.users:
        raise _Deleted
    return found


def _texts(names: Iterable[str], row: Mapping[str, object]) -> dict[str, str | None]:
    return {name: None if row[name] is None else str(row[name]) for name in names}


def _write_zip(file: IO[bytes], parts: list[_Part]) -> None:
    stored = [StoredTable(name, part.rows, _sha256(content)) for part in parts for name, content in part.files.items()]
    manifest = Manifest(schema.SCHEMA, schema.VERSION, stored)
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open(_entry(schema.MANIFEST), "w") as target:
            target.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        for part in parts:
            for name, content in part.files.items():
                size = content.seek(0, 2)
                content.seek(0)
                with archive.open(_entry(name), "w", force_zip64=size >= 1 << 31) as target:
                    shutil.copyfileobj(content, target, 1 << 20)


def _entry(name: str) -> zipfile.ZipInfo:
    """Nothing in it tells when, by whom or where it was written."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o100600 << 16
    return entry


def _sha256(content: IO[bytes]) -> str:
    content.seek(0)
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # a spooled file is one, too
