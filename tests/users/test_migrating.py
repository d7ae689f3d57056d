"""Files of an older version that SQL can bring to this one: what it makes is what the journal would give; and all files of a folder."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import credit_trading
from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import Busy, NotAnExchange, VersionUnsupported
from credit_trading.journal.log import FILE_NAME, FORMAT_VERSION
from credit_trading.store.locks import LockFile, user_slot
from credit_trading.store.sqlite import connect, immediate
from credit_trading.users import migrating, scratch
from credit_trading.users.difference import differing_rows, same_schema
from credit_trading.users.files import UserFiles
from credit_trading.users.private_writer import PrivateWriter
from credit_trading.users.tables import migrations
from credit_trading.users.tables.indices import INDICES
from credit_trading.users.tables.schema import PROJECTION_VERSION, SCHEMA_VERSION
from tests.floor import Floor, edit, opened, rows_of, shared_content
from tests.users import harm
from tests.users.flow import HOURS, USERS, RandomFlow
from tests.users.older import make_older

Reopen = Callable[..., Exchange]

TODAY = [(SCHEMA_VERSION,)]


def version(path: Path) -> list[tuple[Any, ...]]:
    return rows_of(path, "PRAGMA user_version")


@pytest.fixture(scope="session")
def old_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed exchange with the files of ann, bob and cat, of version 2, 2 and 1; only to be copied."""
    home = tmp_path_factory.mktemp("old") / "trading"
    with opened(home) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "cat")
        floor.place("ann", "sell", 10, "5.00")
        floor.place("bob", "buy", 4, "5.00")
    for user, older in (("ann", 2), ("bob", 2), ("cat", 1)):
        make_older(_path(home, user), older)
    return home


@pytest.fixture
def paths(old_folder: Path, home: Path) -> dict[str, Path]:
    """The files of a copy of it, by user."""
    shutil.copytree(old_folder, home)
    return {user: _path(home, user) for user in USERS}


@pytest.fixture
def by_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the step to this version did no more than make an index: whoever comes next may have such a one."""
    (index,) = (one for one in INDICES.split(";\n") if one.startswith("CREATE INDEX transactions_by_date "))
    step = migrations.Step(version=SCHEMA_VERSION, what="an index", statements=f"{index};\n")
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS[:-1], step))


def make_previous(path: Path) -> None:
    """What `by_sql` brings to this version."""
    edit(
        path,
        "DROP INDEX transactions_by_date",
        "DROP VIEW balances_readable",
        "DELETE FROM column_descriptions WHERE column_name = 'asset'",
        f"UPDATE metadata SET projection_version = {PROJECTION_VERSION - 1}",
        f"PRAGMA user_version = {SCHEMA_VERSION - 1}",
    )


def _path(home: Path, user: str) -> Path:
    return home / f"trading_{user}_{user}_example.com.db"


# One file


@pytest.mark.parametrize("make", [lambda path: make_older(path, 2), make_previous])
def test_a_migrated_file_is_the_one_that_the_journal_gives(
    home: Path, clock: ManualClock, by_sql: None, make: Callable[[Path], None]
) -> None:
    """Row by row, table by table, view by view, word by word, after whatever has happened; from the journal, and by SQL."""
    with opened(home, clock=clock) as exchange:
        floor = Floor(exchange).set_up(*USERS)
        floor.admin.instruments.set_schedule("VCS-1340-2020/USD", hours=HOURS, time_zone="UTC")
        RandomFlow(floor, clock, seed=1).run(80)
        paths = [floor.path(user) for user in USERS]
    before = [shared_content(path) for path in paths]
    for path in paths:
        make(path)
    with opened(home, clock=clock) as exchange:
        for number, path in enumerate(paths, 1):
            with exchange._projector.caught_up(number) as migrated:
                assert shared_content(path) == before[number - 1]
                with scratch.scratch_file() as rebuilt:
                    exchange._projector.build(rebuilt, number)
                    assert differing_rows(migrated, rebuilt) == {}
                    assert same_schema(migrated, rebuilt)
                    words = "SELECT * FROM column_descriptions"
                    assert migrated.execute(words).fetchall() == rebuilt.execute(words).fetchall()
        assert Floor(exchange).findings() == []
        assert not Floor(exchange).admin.databases.rebuild("ann").changed


def test_what_sql_can_do_needs_no_journal(
    paths: dict[str, Path], reopen: Reopen, monkeypatch: pytest.MonkeyPatch, by_sql: None
) -> None:
    """From the version before this one nothing is made anew; from version 1 everything is."""
    rebuilt: list[int] = []

    def noted(live: object, made: object) -> None:
        rebuilt.append(1)
        scratch.write_into(live, made)  # type: ignore[arg-type]

    monkeypatch.setattr("credit_trading.users.projector.write_into", noted)
    reopen().as_admin("setup").databases.rebuild("ann")
    reopen().close()
    make_previous(paths["ann"])
    rebuilt.clear()
    again = Floor(reopen())
    again.user("ann").orders.get_active_orders()
    assert (version(paths["ann"]), rebuilt) == (TODAY, [])
    again.user("cat").orders.get_active_orders()
    assert (version(paths["cat"]), rebuilt) == (TODAY, [1])


def test_a_file_that_is_behind_is_migrated_and_then_brought_forward(paths: dict[str, Path], reopen: Reopen) -> None:
    again = Floor(reopen(project_on_commit=False))
    again.admin.accounts.deposit("ann", "USD", "1.00")
    assert version(paths["ann"]) == [(2,)]
    assert again.balance("ann") == "1000021.00"
    assert again.findings() == []


def test_private_tables_stay_as_they_are(floor: Floor, reopen: Reopen) -> None:
    """And so do views and indices of the owner's own, also those that look at our tables."""
    writer = PrivateWriter(floor.exchange._files, floor.exchange._projector)
    with writer.writing(1):
        pass  # marks ann
    path = floor.path("ann")
    floor.exchange.close()
    make_older(path, 2)
    edit(
        path,
        "CREATE TABLE wishes (wish TEXT)",
        "INSERT INTO wishes VALUES ('rain')",
        "CREATE INDEX wishes_by_wish ON wishes (wish)",
        "CREATE VIEW my_deals AS SELECT * FROM trading_transactions_readable",
    )
    again = Floor(reopen())
    again.admin.migrate_files()
    assert rows_of(path, "SELECT wish FROM wishes") == [("rain",)]
    assert rows_of(path, "SELECT count(*) FROM my_deals") == [(2,)]
    assert version(path) == TODAY
    assert again.findings() == []


@pytest.mark.parametrize(
    "harmed",
    [
        "CREATE INDEX transactions_by_date ON balances (posted)",
        "DROP TABLE trading_transactions",
        "UPDATE metadata SET projection_version = 1",
        "PRAGMA user_version = 0",
    ],
)
def test_a_file_whose_tables_are_not_those_of_its_version_is_made_anew(
    floor: Floor, reopen: Reopen, caplog: pytest.LogCaptureFixture, by_sql: None, harmed: str
) -> None:
    """The journal knows what belongs there, and somebody is told."""
    floor.place("ann", "sell", 10, "5.00")
    path = floor.path("ann")
    floor.exchange.close()
    make_previous(path)
    edit(path, harmed)
    again = Floor(reopen())
    assert len(again.user("ann").orders.get_active_orders()) == 1
    assert version(path) == TODAY
    assert again.findings() == []
    assert [record for record in caplog.records if record.levelno == logging.WARNING]


def test_a_file_that_another_program_has_locked_is_migrated_later(paths: dict[str, Path], reopen: Reopen) -> None:
    """Being busy says nothing about the file: it is not made anew, nor put in quarantine."""
    again = Floor(reopen(lock_timeout_s=1))
    with closing(connect(paths["ann"], mode="rw")) as other, immediate(other), pytest.raises(Busy):
        again.user("ann").orders.get_active_orders()
    assert version(paths["ann"]) == [(2,)]
    assert again.user("ann").orders.get_active_orders()
    assert again.admin.databases.list_quarantined() == []


def test_schema_and_projection_rise_together_and_each_version_has_its_step() -> None:
    """`PRAGMA user_version` alone has to tell whether there is anything to do."""
    assert SCHEMA_VERSION == PROJECTION_VERSION
    assert [step.version for step in migrations.STEPS] == list(range(2, SCHEMA_VERSION + 1))


# All files


def test_all_files_are_migrated_and_a_second_time_there_is_nothing_left(
    paths: dict[str, Path], reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time no file is opened for more than its header."""
    admin = reopen().as_admin("setup")
    ticks: list[tuple[int, int]] = []
    result = admin.migrate_files(progress=lambda done, of: ticks.append((done, of)))
    assert (result.current, result.migrated, result.left_alone) == (0, 3, [])
    assert ticks == [(1, 3), (2, 3), (3, 3)]
    assert all(version(path) == TODAY for path in paths.values())
    monkeypatch.setattr(UserFiles, "checkout", None)
    result = admin.migrate_files(progress=lambda done, of: None)
    assert (result.current, result.migrated, result.left_alone) == (3, 0, [])


def test_one_that_was_cut_short_goes_on_with_the_rest(
    paths: dict[str, Path], reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done before is done."""
    admin = reopen().as_admin("setup")
    monkeypatch.setattr(migrating, "_AT_ONCE", 1)

    def interrupted(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        admin.migrate_files(progress=interrupted)
    assert [version(paths[user]) for user in ("ann", "bob", "cat")] == [TODAY, TODAY, [(1,)]]
    result = admin.migrate_files()
    assert (result.current, result.migrated) == (2, 1)


@pytest.mark.parametrize(("damage", "is_seen"), [(harm.header, True), (harm.newer, True), (harm.other_users, False)])
def test_a_file_that_cannot_be_migrated_holds_up_no_other(
    paths: dict[str, Path], reopen: Reopen, damage: Callable[[Path], None], is_seen: bool
) -> None:
    """It is named with its reason and a way out. Whose a file is does not stand in its header: a look before cannot tell that."""
    home = paths["ann"].parent
    damage(paths["ann"])
    assert [(one.user_id, one.file) for one in credit_trading.folder_versions(home).left_alone] == (
        [("ann", paths["ann"].name)] if is_seen else []
    )
    result = reopen().as_admin("setup").migrate_files()
    assert (result.migrated, [one.user_id for one in result.left_alone]) == (2, ["ann"])
    (left,) = result.left_alone
    assert "\n" not in left.reason
    assert "credit-trading rebuild ann" in left.reason or "Use a newer credit_trading" in left.reason
    assert [version(paths[user]) for user in ("bob", "cat")] == [TODAY, TODAY]
    assert [one.user_id for one in credit_trading.folder_versions(home).left_alone] == ["ann"]


def test_who_has_no_file_gets_one_and_who_is_deleted_none(paths: dict[str, Path], reopen: Reopen) -> None:
    exchange = reopen()
    admin = exchange.as_admin("setup")
    admin.databases.create_trading_database("dan", "dan@example.com")
    admin.databases.delete_trading_database("dan")
    paths["bob"].unlink()
    found = credit_trading.folder_versions(exchange.home)
    assert (found.outdated, found.missing) == (2, 1)
    assert admin.migrate_files().migrated == 3
    assert version(paths["bob"]) == TODAY
    assert Floor(exchange).findings() == []


_MIGRATE = """
import sys
import credit_trading
from credit_trading import ManualClock
with credit_trading.open(sys.argv[1], clock=ManualClock()) as exchange:
    result = exchange.as_admin("setup").migrate_files()
    print(result.current + result.migrated, len(result.left_alone))
"""


def test_two_that_migrate_at_once_and_one_who_trades_are_in_nobodys_way(paths: dict[str, Path], reopen: Reopen) -> None:
    """Every file is of this version afterwards, and nothing is wrong with any."""
    floor = Floor(reopen())
    other = subprocess.Popen(
        [sys.executable, "-c", _MIGRATE, str(floor.exchange.home)], stdout=subprocess.PIPE, text=True
    )
    with ThreadPoolExecutor(1) as pool:
        ours = pool.submit(floor.admin.migrate_files)
        while other.poll() is None:
            floor.place("ann", "sell", 1, "5.00")
            floor.place("bob", "buy", 1, "5.00")
            time.sleep(0.01)
    assert (other.communicate()[0], other.returncode) == ("3 0\n", 0)
    assert (ours.result().current + ours.result().migrated, ours.result().left_alone) == (3, [])
    assert floor.findings() == []
    assert all(version(path) == TODAY for path in paths.values())


# Looking


def test_the_look_counts_by_version_and_waits_for_nobody(
    paths: dict[str, Path], home: Path, clock: ManualClock
) -> None:
    """Beside one who trades; what is open elsewhere can be looked at."""
    with opened(home, clock=clock) as exchange:
        exchange.as_user("ann").orders.get_active_orders()
        found = credit_trading.folder_versions(home)
        assert (found.format, found.newest_format) == (FORMAT_VERSION, FORMAT_VERSION)
        assert found.files == {1: 1, 2: 1, SCHEMA_VERSION: 1}
        assert (found.outdated, found.is_current) == (2, False)


def test_the_look_names_a_file_that_is_being_moved_for_too_long(paths: dict[str, Path], home: Path) -> None:
    """And goes on with the others."""
    settings = Settings(lock_timeout_s=1)
    with (
        closing(LockFile.open(home / "exchange.lock")) as locks,
        ThreadPoolExecutor(1) as pool,
        locks.hold(user_slot(1), timeout_s=1, operation="test"),
    ):
        found = pool.submit(credit_trading.folder_versions, home, settings=settings).result()
    assert [one.user_id for one in found.left_alone] == ["ann"]
    assert found.outdated == 2


def test_the_look_reads_what_stands_in_a_wal_only(floor: Floor) -> None:
    """A file that was never closed has its version there."""
    path = floor.path("ann")
    with closing(connect(path, mode="rw")) as other:
        other.execute("PRAGMA user_version = 99")
        before = path.read_bytes()
        found = credit_trading.folder_versions(floor.exchange.home)
        assert [one.reason.partition(": ")[2].partition(".")[0] for one in found.left_alone] == [
            f"schema 99 is newer than {SCHEMA_VERSION}"
        ]
        assert path.read_bytes() == before


def test_the_look_refuses_what_is_no_exchange_or_a_newer_one(home: Path, clock: ManualClock, tmp_path: Path) -> None:
    """As opening does."""
    with pytest.raises(NotAnExchange, match="no such folder"):
        credit_trading.folder_versions(home)
    with opened(home, clock=clock):
        pass
    edit(home / FILE_NAME, "PRAGMA user_version = 99")
    with pytest.raises(VersionUnsupported, match=f"format 99 is newer than {FORMAT_VERSION}"):
        credit_trading.folder_versions(home)


def test_migrating_is_told_to_whoever_listens_closely(
    paths: dict[str, Path], reopen: Reopen, caplog: pytest.LogCaptureFixture
) -> None:
    """A hundred thousand warnings would hide what matters."""
    with caplog.at_level(logging.INFO, "credit_trading"):
        Floor(reopen()).user("ann").orders.get_active_orders()
    told = [record for record in caplog.records if "of version 2" in record.getMessage()]
    assert [record.levelno for record in told] == [logging.INFO]
