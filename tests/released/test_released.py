"""Folders that the code of each release has left: they open, hold what they held, and trading goes on, whenever an upgrade is cut short."""

from __future__ import annotations

import io
import json
import os
import signal
import tarfile
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import zstandard

import credit_trading
from credit_trading import ManualClock
from credit_trading.journal.log import FILE_NAME, FORMAT_VERSION, Log
from credit_trading.store.migrations import Migration, version_of
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users import exchange_db
from credit_trading.users.tables import migrations
from credit_trading.users.tables.schema import SCHEMA_VERSION
from tests.floor import Floor, opened, rows_of
from tests.forks import in_fork

HERE = Path(__file__).parent
RELEASES = sorted(path.parent.name for path in HERE.glob("*/facts.json"))
SYMBOL = "GS-77-2022/USD"


@attrs.frozen
class Folder:
    """One of a release, and what that release said of it: its users' records, and `end` of its journal."""

    home: Path
    users: dict[str, dict[str, Any]]
    end: dict[str, Any]

    @property
    def clock(self) -> ManualClock:
        return ManualClock(self.end["now_us"])

    def file(self, user: str) -> Path:
        (path,) = self.home.glob(f"trading_{user}_*.db")
        return path

    def content(self) -> dict[str, bytes]:
        """Every file, but for SQLite's shared memory."""
        files = [path for path in self.home.rglob("*") if path.is_file() and path.suffix != ".db-shm"]
        return {str(path): path.read_bytes() for path in files}

    def private_facts(self) -> list[tuple[int, int]]:
        """Whose files hold some, by number, and in which generation they were written: 0 where there were none yet."""
        path = self.home / FILE_NAME
        columns = {row[0] for row in rows_of(path, "SELECT name FROM pragma_table_info('private_facts')")}
        generation = "generation" if "generation" in columns else "0"
        return rows_of(path, f"SELECT number, {generation} FROM private_facts") if columns else []


def unpacked(release: str, name: str, destination: Path) -> Folder:
    with tarfile.open(fileobj=io.BytesIO(_content(release))) as tar:
        tar.extractall(destination, filter="data")
    for folder in (destination / name, destination / name / "checkpoints"):
        if folder.exists():
            folder.chmod(0o700)
    facts = json.loads((HERE / release / "facts.json").read_text())
    return Folder(destination / name, facts["users"], facts[name])


@cache
def _content(release: str) -> bytes:
    return zstandard.ZstdDecompressor().decompress((HERE / release / "folders.tar.zst").read_bytes())


def records(exchange: credit_trading.Exchange, user: str) -> dict[str, Any]:
    """What today's code says, in the shape of the facts."""
    mine = exchange.as_user(user)
    return {
        "balances": list(map(msgspec.to_builtins, mine.accounts.get_balances())),
        "active_orders": list(map(msgspec.to_builtins, mine.orders.get_active_orders())),
        "transactions": list(map(msgspec.to_builtins, mine.transactions.get_transaction_history())),
        "events": len(mine.audit.list_events(limit=1_000)),
        "closed_orders": len(mine.orders.get_order_history()),
    }


def as_it_was(now: Any, then: Any) -> Any:
    """Without fields that records did not have at that time, in the order of the facts."""
    if not isinstance(then, list):
        return now
    known = [{key: one[key] for key in then[0]} for one in now]
    return sorted(known, key=lambda record: json.dumps(record, sort_keys=True))


@pytest.fixture(params=[f"{release} {name}" for release in RELEASES for name in ("closed", "killed")])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    release, name = request.param.split()
    return unpacked(release, name, tmp_path)


def test_what_every_release_has_left_is_there_and_goes_on(folder: Folder) -> None:
    """Nothing is found before, and after more trading; balances, orders, deals and remarks are what that release said; so is the chain."""
    told = credit_trading.verify_folder(folder.home, deep=True)
    assert (told.findings, told.users) == ([], 3)
    with opened(folder.home, clock=folder.clock) as exchange:
        for user, then in folder.users.items():
            now = records(exchange, user)
            assert {key: as_it_was(now[key], then[key]) for key in then} == then
        with exchange._live.history() as log:
            assert log.hash_at(folder.end["sequence"]) == bytes.fromhex(folder.end["hash"])
        floor = Floor(exchange)
        traded = exchange.as_user("ann").orders.create_order(SYMBOL, "sell", 1, "6.50")
        assert traded.order_status == "filled"
        floor.admin.accounts.deposit("ann", "USD", "1.00", note="after all")
        again = floor.admin.accounts.deposit("ann", "GS-77-2022", 500, key="trees-ann")
        assert again.repeated, "keys of money movements are known for ever"
        assert floor.findings() == []


def test_looking_at_an_old_folder_leaves_it_old_and_migrating_leaves_nothing_old(folder: Folder) -> None:
    """The look changes no byte and makes no file. Afterwards private facts are there and marked, where the release had any."""

    before, formats = folder.content(), rows_of(folder.home / FILE_NAME, "PRAGMA user_version")
    private = folder.private_facts()
    found = credit_trading.folder_versions(folder.home)
    assert folder.content() == before
    assert [(found.format,)] == formats
    assert (found.outdated, found.missing, found.left_alone) == (
        3 if found.newest_files not in found.files else 0,
        0,
        [],
    )
    with opened(folder.home, clock=folder.clock) as exchange:
        done = Floor(exchange).admin.migrate_files()
        assert (done.migrated, done.left_alone) == (found.outdated, [])
    assert credit_trading.folder_versions(folder.home).is_current
    if private:
        assert rows_of(folder.file("ann"), "SELECT wish FROM wishes") == [("rain",)]
        assert folder.private_facts() == private


# Cut short


def killed(action: Callable[[], object]) -> bool:
    """Whether a child that did it was killed on the way."""
    _, status = os.waitpid(in_fork(action), 0)
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def kill(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def cut_short(steps: Sequence[Migration]) -> list[list[Migration]]:
    """Each step killed after none of its statements, the first, and so on, and after its own last action; behind the steps before it."""
    cuts: list[list[Migration]] = []
    for place, step in enumerate(steps):
        parts = step.statements.split(";\n")
        before = list(steps[:place])
        cuts += [
            [*before, attrs.evolve(step, statements=";\n".join(parts[:count]), finish=kill)]
            for count in range(len(parts))
        ]

        def finish_and_die(connection: Connection, step: Migration = step) -> None:
            step.finish(connection)
            kill()

        cuts.append([*before, attrs.evolve(step, finish=finish_and_die)])
    return cuts


@pytest.mark.parametrize("name", ["closed", "killed"])
def test_an_upgrade_of_exchange_db_that_is_killed_anywhere_is_done_again(name: str, tmp_path: Path) -> None:
    """SIGKILL after each statement of each step: the file is as the step before left it, and the next one begins there."""
    folder = unpacked("1", name, tmp_path)
    path, cuts = folder.home / FILE_NAME, cut_short(exchange_db.MIGRATIONS)
    assert len(cuts) > 12
    for cut in cuts:
        assert killed(lambda cut=cut: Log.upgrade(path, cut))  # type: ignore[misc]
        with closing(connect(path, mode="rw")) as connection:
            assert version_of(connection) == cut[-1].version - 1
    assert credit_trading.verify_folder(folder.home, deep=True).findings == []
    assert rows_of(path, "PRAGMA user_version") == [(FORMAT_VERSION,)]
    assert rows_of(path, "SELECT count(*) FROM journal WHERE cause = 'format-2'") == [(1,)]


def cut_short_after_statements(steps: Sequence[migrations.Step]) -> list[list[migrations.Step]]:
    """Each step with none of its statements, the first, and so on, behind the steps before it."""
    cuts: list[list[migrations.Step]] = []
    for place, step in enumerate(steps):
        parts = (step.statements or "").split(";\n")
        cuts += [
            [*steps[:place], attrs.evolve(step, statements=";\n".join(parts[:count]))]
            for count in range(len(parts) + 1)
        ]
    return cuts


@pytest.mark.parametrize("name", ["closed", "killed"])
@pytest.mark.parametrize(("release", "of"), [("3", 2), ("5", 4)])
def test_a_migration_of_a_users_file_that_is_killed_anywhere_is_done_again(
    release: str, of: int, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL after each statement, and before the version stamps: the file is as the older version left it, private facts included."""
    folder = unpacked(release, name, tmp_path)
    path = folder.file("ann")
    steps = list(takewhile(lambda step: step.statements is not None, migrations.steps_from(of)))
    assert steps
    before = rows_of(path, "SELECT name, sql FROM sqlite_schema")

    def bring_up() -> None:
        migrations.bring_up(connect(path, mode="rw"))

    for cut in cut_short_after_statements(steps):
        with monkeypatch.context() as patched:
            patched.setattr(migrations, "STEPS", cut)
            patched.setattr(migrations, "describe", kill)
            assert killed(bring_up)
        assert rows_of(path, "PRAGMA user_version") == [(of,)]
        assert rows_of(path, "SELECT projection_version FROM metadata") == [(of,)]
        assert rows_of(path, "SELECT name, sql FROM sqlite_schema") == before
    with opened(folder.home, clock=folder.clock) as exchange:
        assert exchange.as_user("ann").orders.get_active_orders()
        assert Floor(exchange).findings() == []
    assert rows_of(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert rows_of(path, "SELECT wish FROM wishes") == [("rain",)]
