"""A host with projects and credits of its own (examples/sqlalchemy_credits), an exchange beside it, and the sum of both sides.

Here: making both, asking and trading, copies of either, and what must hold whatever has happened. Never here: what happens to them.
Always: what the host's own table says is compared with its requests, those with the journal, and both with what there was at first.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from sqlalchemy import Engine, NullPool, Table, create_engine, insert, select, text
from sqlalchemy.orm import Session

from credit_trading import ManualClock, Settings
from credit_trading.app import open_exchange
from credit_trading.errors import OrderRejected
from credit_trading.exchange import events as ev
from credit_trading.host import request_rows
from credit_trading.host.connecting.connections import engine_for
from credit_trading.host.following import Synced
from credit_trading.host.request import request_of
from credit_trading.host.rows import Changes, RequestRow
from credit_trading.host.tables import Tables
from credit_trading.journal.rows import decode
from credit_trading.money.amount import MAX_UNITS
from examples.sqlalchemy_credits.adapter import CreditsAdapter
from examples.sqlalchemy_credits.models import Base, Credits, Project
from tests.floor import CASH, Floor
from tests.host.database import Database

OWN, FUNDED = 1_000, 500
"""Credits of each project that each user has at first: on the host's side, and on the exchange."""

USERS = ("ann", "bob", "cat")
LATER = ("dan", "eve")
NOBODY = "nobody"
"""They have credits of the host too, and no place on the exchange (yet)."""

FOREST, RIVER = "FOREST-2020", "RIVER-2021"
PROJECTS = {FOREST: 1, RIVER: 2}

TABLES = Tables()
SETTINGS = Settings(host_batch_rows=8, checkpoint_every_events=1_000)
"""A few events make several batches."""

MOST_ROUNDS = 12

AT_LENGTH_ON_POSTGRES = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.long)], indirect=True
)
AT_LENGTH_ON_SQLITE = pytest.mark.parametrize(
    "database", [pytest.param("sqlite", marks=pytest.mark.long), "postgres"], indirect=True
)
"""For tests that take long enough on one of them; the other has its turn with --long."""


class DecidingCredits(CreditsAdapter):
    """The example, but it fails a withdrawal whose id ends with `-no`."""

    def apply(self, connection: Session, changes: Changes) -> None:
        is_failed = {row["id"]: row["status"] == "held" and row["id"].endswith("-no") for row in changes.requests}
        others = [row for row in changes.requests if not is_failed[row["id"]]]
        super().apply(connection, attrs.evolve(changes, requests=others))
        for row in changes.requests:
            if is_failed[row["id"]] and row["decision"] is None:
                request_rows.fail(connection, row["id"])


class ForgetfulCredits(DecidingCredits):
    """It cannot do its own side again: a person has to."""

    def reapply(self, connection: Session, request: RequestRow) -> bool:
        return False


@attrs.frozen
class Copy:
    """Of the host's database at some moment: its file, or the rows of its tables."""

    file: Path | None
    rows: Mapping[str, list[dict[str, Any]]]


@attrs.define(eq=False)
class CreditsHost:
    """Both sides. `adapter` is made anew with `reconnect`."""

    home: Path
    clock: ManualClock
    database: Database
    kind: type[CreditsAdapter] = DecidingCredits
    engine: Engine = attrs.field(init=False)
    adapter: CreditsAdapter = attrs.field(init=False)
    begun: dict[str, int] = attrs.Factory(dict)
    _floor: Floor | None = None
    _copies: int = 0

    def __attrs_post_init__(self) -> None:
        self.reconnect()

    @classmethod
    @contextmanager
    def of(cls, founded: Path, home: Path, clock: ManualClock, database: Database) -> Iterator[CreditsHost]:
        """With three users who have credits on both sides; open."""
        shutil.copytree(founded, home)
        host = cls(home, clock, database)
        Base.metadata.create_all(host.engine)
        with Session(host.engine) as session, session.begin():
            session.add_all(Project(id=project, code=code) for code, project in PROJECTS.items())
            session.flush()
            for owner in (*USERS, *LATER, NOBODY):
                for code in PROJECTS:
                    session.add(Credits(owner=owner, project_id=PROJECTS[code], amount=own_at_first(owner, code)))
        floor = host.open()
        for code, project in PROJECTS.items():
            floor.admin.assets.add_asset(code, decimals=0, project_id=str(project))
            floor.admin.instruments.add_instrument(f"{code}/{CASH}", base=code, quote=CASH, tick="0.01", lot="1")
            for user in USERS:
                floor.admin.accounts.deposit(user, code, FUNDED)
        host.begun = host.on_exchange()
        floor.admin.host.init()
        host.until_quiet()
        try:
            yield host
        finally:
            host.close()
            host.engine.dispose()

    # Both sides

    @property
    def floor(self) -> Floor:
        assert self._floor is not None, "the exchange is closed"
        return self._floor

    def open(self, settings: Settings = SETTINGS) -> Floor:
        """The exchange, as a new process would."""
        exchange = open_exchange(self.home, clock=self.clock, settings=settings, host=self.adapter)
        exchange._link._tables = TABLES  # the same for all, or each has its statements compiled anew
        self._floor = Floor(exchange)
        return self._floor

    def close(self) -> None:
        if self._floor is not None:
            self._floor.exchange.close()
            self._floor = None

    def reconnect(self) -> None:
        """A new engine and adapter; for the exchange that is opened next."""
        self.engine = engine_for(self.database.url)
        self.adapter = self.kind(self.engine)

    def reopen(self) -> Floor:
        self.close()
        self.engine.dispose()
        return self.open()

    def sync(self) -> Synced:
        """A round."""
        return self.floor.admin.host.sync()

    def until_quiet(self) -> None:
        """Rounds until nothing is left to do."""
        for _ in range(MOST_ROUNDS):
            if not self.sync().is_news:
                return
        raise AssertionError("the worker does not come to rest")

    # What the host asks for

    def bring(self, request_id: str, amount: int, user: str = "ann", code: str = FOREST) -> None:
        """The host's side gives, and asks that the exchange takes."""
        with Session(self.engine) as session, session.begin():
            _own(session, user, code).amount -= amount
            request_rows.deposit(session, request_id, user_id=user, amount=amount, project_id=str(PROJECTS[code]))

    def take_back(self, request_id: str, amount: int, user: str = "ann", code: str = FOREST) -> None:
        with Session(self.engine) as session, session.begin():
            request_rows.withdraw(session, request_id, user_id=user, amount=amount, project_id=str(PROJECTS[code]))

    def retire(self, request_id: str, code: str) -> None:
        with Session(self.engine) as session, session.begin():
            session.get_one(Project, PROJECTS[code]).is_retired = True
            request_rows.retire_project(session, request_id, str(PROJECTS[code]))

    def ask(self, name: str) -> None:
        """One of each outcome: done, settled, released, refused both ways, set aside."""
        self.bring(f"{name}-in", 50)
        if self.own()["cat", RIVER] >= MAX_UNITS:
            self.bring(f"{name}-big", MAX_UNITS, user="cat", code=RIVER)
        self.bring(f"{name}-aside", 1, user=NOBODY)
        self.take_back(f"{name}-out", 30)
        self.take_back(f"{name}-no", 20, user="bob", code=RIVER)
        self.take_back(f"{name}-much", 10**9, user="cat")

    def trade(self, chance: Random, steps: int) -> None:
        """A flow in which some trade, some rest, some are refused."""
        for _ in range(steps):
            user, code = chance.choice(USERS), chance.choice((FOREST, FOREST, RIVER))
            orders = self.floor.user(user).orders
            with suppress(OrderRejected):
                if chance.random() < 0.2:
                    orders.cancel_all_orders()
                else:
                    price = f"{chance.randint(95, 105) / 10:.2f}"
                    orders.create_order(f"{code}/{CASH}", chance.choice(("buy", "sell")), chance.randint(1, 20), price)

    # What there is

    def own(self) -> dict[tuple[str, str], int]:
        """Credits on the host's side, by owner and asset."""
        return self.looked()[0]

    def looked(self) -> tuple[dict[tuple[str, str], int], dict[str, dict[str, Any]]]:
        """What its own table and its requests say, at one moment."""
        is_server = self.database.kind == "postgres"
        engine = create_engine(self.database.url, poolclass=NullPool, isolation_level="REPEATABLE READ")
        with (engine if is_server else self.engine).begin() as connection:
            own = {(owner, code): int(amount) for owner, code, amount in connection.execute(text(_OWN))}
            rows = connection.execute(request_rows.select_requests(TABLES)).all()
        return own, {row.id: row._asdict() for row in rows}

    def _looked_into_exchange(self) -> tuple[dict[str, tuple[str, int]], dict[str, int]]:
        """What requests have moved, and what there is, at one moment."""
        while True:
            effects, there = self.effects(), self.on_exchange()
            if self.effects() == effects:
                return effects, there

    def on_exchange(self) -> dict[str, int]:
        """Credits of all users, by asset."""
        found: Counter[str] = Counter()
        for (_, code), (posted, _) in self.balances().items():
            found[code] += posted
        return {code: found[code] for code in PROJECTS}

    def balances(self) -> dict[tuple[int, str], tuple[int, int]]:
        """Credits on the exchange, posted and held, by the user's number and asset."""

        def look(replica: Any) -> dict[tuple[int, str], tuple[int, int]]:
            return {
                (account, asset): (balance.posted, balance.held)
                for account, asset, balance in replica.accounts
                if account > 0 and asset in PROJECTS
            }

        return dict(self.floor.exchange._desk.reading(look))

    def requests(self) -> dict[str, dict[str, Any]]:
        return self.looked()[1]

    def effects(self) -> dict[str, tuple[str, int]]:
        """What requests have moved on the exchange, by the journal: asset, and how much came in. Each at most once."""
        found: dict[str, tuple[str, int]] = {}
        entered: dict[int, tuple[str, ev.TransactionEntered]] = {}
        begun: set[str] = set()
        with self.floor.exchange._live.history() as log:
            entries = [decode(row) for row in log.batch_from(1, log.head()[0])]
        for entry in entries:
            event, asked = entry.event, request_of(entry.cause)
            if isinstance(event, ev.TransactionEntered | ev.Deposited) and asked is not None:
                request_id, is_end = asked
                assert not is_end
                assert request_id not in begun, f"{request_id} was carried out twice"
                begun.add(request_id)
                if isinstance(event, ev.Deposited):
                    found[request_id] = event.asset, event.amount
                else:
                    entered[entry.sequence] = request_id, event
            elif isinstance(event, ev.TransactionUpdated) and event.transaction in entered:
                request_id, held = entered.pop(event.transaction)
                if event.status == "settled":
                    found[request_id] = held.asset, -held.quantity
        return found

    # What must hold

    def assert_sums(self) -> None:
        """At any moment: each side has what it had at first and what has moved; and so has the sum, with what is under way."""
        own, requests = self.looked()
        effects, there = self._looked_into_exchange()
        expected = {key: own_at_first(*key) for key in own}
        for row in requests.values():
            if (moved := own_change(row)) is not None:
                expected[row["user_id"], moved[0]] += moved[1]
        assert own == expected
        for code in PROJECTS:
            came_in = sum(amount for asset, amount in effects.values() if asset == code)
            assert there[code] == self.begun[code] + came_in, code
            under_way = -came_in - sum(
                moved[1] for row in requests.values() if (moved := own_change(row)) is not None and moved[0] == code
            )
            total = sum(amount for (_, asset), amount in own.items() if asset == code) + there[code] + under_way
            at_first = sum(own_at_first(owner, asset) for owner, asset in own if asset == code)
            assert total == at_first + self.begun[code], code

    def assert_settled(self, *, waiting: frozenset[str] = frozenset()) -> None:
        """After the last round: both sides agree on each request, and neither check finds anything but what waits for a person."""
        self.assert_sums()
        requests, effects = self.requests(), self.effects()
        assert set(effects) <= set(requests)
        for request_id, row in requests.items():
            there, here = effects.get(request_id, ("", 0))[1], (own_change(row) or ("", 0))[1]
            if row["status"] == "set_aside":
                assert there == 0, request_id
            elif request_id not in waiting:
                assert row["status"] in ("done", "refused", "released"), row
                assert there == -here, row
        self.assert_no_finding(waiting=waiting)

    def assert_no_finding(self, *, waiting: frozenset[str] = frozenset()) -> None:
        told = [one for one in self.floor.admin.host.check().differences if one.key not in waiting]
        assert told == []
        assert self.floor.findings() == []

    # Copies of either side

    def copy(self) -> Copy:
        """A backup of the host's database."""
        if self.database.kind == "sqlite":
            self._copies += 1
            file = self.home.parent / f"host-{self._copies}.db"
            shutil.copy(self._file, file)
            return Copy(file, {})
        with self.database.connect() as connection:
            return Copy(None, {one.name: [row._asdict() for row in connection.execute(select(one))] for one in _TABLES})

    def put_back(self, copy: Copy) -> None:
        """The backup takes the place of what is there."""
        self.engine.dispose()
        if copy.file is not None:
            shutil.copy(copy.file, self._file)
            return
        with self.database.connect() as connection:
            for table in reversed(_TABLES):
                connection.execute(table.delete())
            for table in _TABLES:
                if copy.rows[table.name]:
                    connection.execute(insert(table), copy.rows[table.name])

    def copy_exchange(self, name: str) -> Path:
        """A whole copy of its folder, which nobody has open meanwhile."""
        self.close()
        folder = Path(shutil.copytree(self.home, self.home.parent / name))
        self.open()
        return folder

    def put_back_exchange(self, folder: Path) -> None:
        self.close()
        shutil.rmtree(self.home)
        shutil.copytree(folder, self.home)
        self.open()

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the host's database holds."""
        with self.database.connect() as connection:
            return {
                table.name: sorted(
                    (tuple(row) for row in connection.execute(text(f"SELECT * FROM {table.name}"))), key=repr
                )
                for table in _TABLES
            }

    @property
    def _file(self) -> Path:
        return Path(self.database.url.removeprefix("sqlite:///"))


_OWN = "SELECT owner, code, amount FROM credits JOIN projects ON projects.id = credits.project_id"
_TABLES: list[Table] = [*Base.metadata.sorted_tables, *TABLES.metadata.sorted_tables]


def own_at_first(owner: str, code: str) -> int:
    """One has so much that the exchange cannot take it."""
    return OWN + MAX_UNITS if (owner, code) == ("cat", RIVER) else OWN


def own_change(row: Mapping[str, Any]) -> tuple[str, int] | None:
    """What the host's own table has moved for this request, by its row: asset, and how much came."""
    if row["kind"] == "retire_project":
        return None
    code = row["asset"] or next(code for code, project in PROJECTS.items() if str(project) == row["project_id"])
    amount = int(row["amount"])
    if row["kind"] == "deposit":
        return code, 0 if row["status"] == "refused" or row["reapply"] else -amount
    has_added = row["decision"] == "confirm" or (row["status"] == "done" and not row["reapply"])
    return code, amount if has_added else 0


def _own(session: Session, owner: str, code: str) -> Credits:
    return session.get_one(Credits, (owner, PROJECTS[code]), with_for_update=True)
