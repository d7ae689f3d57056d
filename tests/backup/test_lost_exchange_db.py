"""exchange.db was lost: an older one comes out of the archive, and all that users' files know beyond it is kept and told."""

from __future__ import annotations

import json
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import credit_trading
from credit_trading import ManualClock, Settings
from credit_trading.backup.archive import Archive
from credit_trading.backup.lost_exchange_db import restore_exchange_db
from credit_trading.backup.recovery import Recovered
from credit_trading.errors import (
    AlreadyExists,
    Busy,
    FileForeign,
    NotAnExchange,
    PrivateFactsMissing,
    TradingError,
    VersionUnsupported,
)
from credit_trading.journal.log import FILE_NAME
from credit_trading.marketdata.trade_file import FILE_NAME as MARKET_DATA
from credit_trading.users import mark
from tests.backup.past import BOB, Killed, killed_at, live_past, past_in, private_of, write_private
from tests.floor import Floor, edit, opened, rows_of, shared_content
from tests.users import harm

NAMES = {user: f"trading_{user}_{user}_example.com.db" for user in ("ann", "bob", "cat", "dan")}
NEW_NAME = "trading_cat_cat_elsewhere.org.db"


def _go_on(folder: Path, clock: ManualClock) -> None:
    """What only the files know, since the last set: trades, bob's first private fact, a new user, a new e-mail; exchange.db is gone."""
    with opened(folder / "home", clock=clock, settings=Settings(checkpoint_every_events=1)) as exchange:
        floor = Floor(exchange)
        write_private(exchange, BOB, 10)
        floor.add("dan")
        write_private(exchange, 4, 20)
        floor.admin.databases.change_email("cat", "cat@elsewhere.org")
        floor.place("cat", "sell", 1, "8.00")
        floor.admin.market_data.get_trades("VCS-1340-2020/USD")
        floor.admin.databases.catch_up()
    for suffix in ("", "-wal", "-shm"):
        (folder / "home" / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    clock = ManualClock()
    live_past(folder, clock)
    _go_on(folder, clock)
    return folder


@pytest.fixture
def past(tmp_path: Path, made: Path) -> Path:
    return past_in(tmp_path, made)


@pytest.fixture
def late(clock: ManualClock) -> ManualClock:
    clock.advance(5 * 3600)
    return clock


def _restore(past: Path, clock: ManualClock, **choice: Any) -> Recovered:
    return restore_exchange_db(Archive.at(past / "archive"), past / "home", clock=clock, **choice)


def _told(past: Path) -> dict[str, dict[str, Any]]:
    """What stands beside the kept files, by their former names."""
    reports = [json.loads(path.read_bytes()) for path in sorted((past / "home" / "quarantine").glob("*.db.json"))]
    return {one["file"]: one for one in reports}


def _check(past: Path, clock: ManualClock) -> None:
    """Nothing is wrong, and trading goes on."""
    with opened(past / "home", clock=clock) as exchange:
        floor = Floor(exchange)
        assert floor.findings() == []
        assert floor.place("bob", "buy", 1, "5.00").order_status == "filled"
        assert floor.findings() == []


def test_the_exchange_is_as_of_the_newest_set_and_what_the_files_know_beyond_it_is_told(
    past: Path, late: ManualClock
) -> None:
    result = _restore(past, late)
    newest = Archive.at(past / "archive").newest()
    assert (result.set, result.sequence, result.users, result.looked_at) == (newest.set, newest.sequence, 3, 4)
    told = _told(past)
    assert {name: one["user_id"] for name, one in told.items()} == {
        NAMES["ann"]: "ann",
        NAMES["bob"]: "bob",
        NEW_NAME: "cat",
        NAMES["dan"]: "dan",
    }
    for name in (NAMES["ann"], NAMES["bob"], NEW_NAME):
        assert "ahead of the journal" in told[name]["why"]
    assert told[NAMES["dan"]]["why"] == "the set does not know this user"
    anns = told[NAMES["ann"]]["beyond"]
    assert [event["kind"] for event in anns["events"]] == ["trade", "order_accepted"]
    assert all(event["sequence"] > result.sequence for event in anns["events"])
    assert [(one["quantity"], one["total_value"]) for one in anns["transactions"]] == [("3", "15.00")]
    assert [(one["filled_quantity"], one["price_per_credit"]) for one in anns["active_orders"]] == [
        ("7", "5.00"),
        ("0", "6.00"),
    ]
    assert {one["asset"] for one in anns["balances"]} == {"USD", "VCS-1340-2020"}
    assert len(told[NAMES["dan"]]["beyond"]["events"]) == 3
    assert told[NAMES["dan"]]["beyond"]["private_tables"] == ["paper"]
    for one in told.values():
        kept = past / "home" / "quarantine" / one["kept"]
        assert rows_of(kept, "SELECT max(sequence) FROM audit_trail") == [(one["sequence"],)]
        report = Path(f"{kept}.json")
        assert stat.S_IMODE(report.stat().st_mode) == 0o600
        assert "@" not in report.read_text()
    _check(past, late)


def test_private_tables_go_on_and_are_marked(past: Path, late: ManualClock) -> None:
    """They are newer than the archive's, also of one who had none then; and the next backup has them."""
    _restore(past, late)
    home = past / "home"
    assert (private_of(home / NAMES["ann"]), private_of(home / NAMES["bob"])) == ([3], [10])
    with opened(home, clock=late) as exchange:
        floor = Floor(exchange)
        assert floor.admin.backups.create(past / "archive").kind == "full"
        exchange._files.pool.close_idle()
        (home / NAMES["bob"]).unlink()
        with pytest.raises(PrivateFactsMissing):
            floor.user("bob").orders.get_active_orders()
        floor.admin.backups.restore_user(past / "archive", "bob")
        assert private_of(home / NAMES["bob"]) == [10]
        assert floor.findings() == []


def test_a_file_that_is_not_ahead_with_new_private_facts_is_marked_too(past: Path, late: ManualClock) -> None:
    """It has no event beyond the set, and stays; without the mark its loss would go unseen."""
    home = past / "home"
    _restore(past, late)
    edit(home / NAMES["cat"], "CREATE TABLE paper (value INTEGER)", "INSERT INTO paper VALUES (30)")
    (home / FILE_NAME).unlink()
    result = _restore(past, late)
    assert result.lost == []
    (home / NAMES["cat"]).unlink()
    with opened(home, clock=late) as exchange, pytest.raises(PrivateFactsMissing):
        Floor(exchange).user("cat").orders.get_active_orders()


def test_what_else_knows_more_is_put_aside(past: Path, late: ManualClock) -> None:
    """Checkpoints, market data, the mark, and the WAL of the lost exchange.db."""
    home = past / "home"
    (home / f"{FILE_NAME}-wal").write_bytes(b"what only it held")
    checkpoints = list((home / "checkpoints").iterdir())
    assert (home / mark.FILE_NAME).exists()
    assert (home / MARKET_DATA).exists()
    result = _restore(past, late)
    names = {path.name.split("~")[0] for path in result.aside}
    assert {mark.FILE_NAME, MARKET_DATA, checkpoints[-1].name} <= names
    (kept,) = (home / "quarantine").glob(f"{FILE_NAME}*-wal")
    assert kept.read_bytes() == b"what only it held"
    _check(past, late)


def test_an_older_set_may_be_named(past: Path, late: ManualClock) -> None:
    first = Archive.at(past / "archive").set_ids()[0]
    result = _restore(past, late, set_id=first)
    assert result.set == first
    assert len(_told(past)[NAMES["ann"]]["beyond"]["transactions"]) == 2
    _check(past, late)


def test_files_that_are_gone_or_broken_come_from_the_archive_or_the_journal(past: Path, late: ManualClock) -> None:
    """Private facts as of the copy; what is broken is kept; nobody is given a file without what it held."""
    home = past / "home"
    harm.header(home / NAMES["ann"])
    (home / NAMES["bob"]).unlink()
    (home / NEW_NAME).write_bytes(b"")
    result = _restore(past, late)
    assert (result.restored, result.without_private_facts) == (["ann"], [])
    assert private_of(home / NAMES["ann"]) == [2]
    told = _told(past)
    assert told[NAMES["ann"]]["sequence"] is None
    assert (home / "quarantine" / told[NAMES["ann"]]["kept"]).read_bytes()[:9] == b"something"
    _check(past, late)


def test_private_tables_that_cannot_be_read_come_from_the_archive(past: Path, late: ManualClock) -> None:
    home = past / "home"
    ((page,),) = rows_of(home / NAMES["ann"], "SELECT rootpage FROM sqlite_schema WHERE name = 'paper'")
    for suffix in ("-wal", "-shm"):
        (home / f"{NAMES['ann']}{suffix}").unlink(missing_ok=True)
    content = bytearray((home / NAMES["ann"]).read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"x" * 4096
    (home / NAMES["ann"]).write_bytes(bytes(content))
    result = _restore(past, late)
    assert result.restored == ["ann"]
    assert private_of(home / NAMES["ann"]) == [2]
    assert _told(past)[NAMES["ann"]]["kept"]
    _check(past, late)


def test_private_facts_that_are_in_no_copy_are_told_as_lost(past: Path, late: ManualClock) -> None:
    """The mark stays: whoever opens the file is told, until somebody accepts it."""
    home, archive = past / "home", Archive.at(past / "archive")
    (home / NAMES["ann"]).unlink()
    for name in archive.place.names("packs"):
        content = bytearray(archive.place.read(name))
        content[len(content) // 2] ^= 1
        archive.place.write(name, bytes(content))
    result = _restore(past, late)
    assert result.without_private_facts == ["ann"]
    assert "is of no use" in "".join(result.notes) or result.restored == []
    with opened(home, clock=late) as exchange, pytest.raises(PrivateFactsMissing):
        Floor(exchange).user("ann").orders.get_active_orders()


def test_a_file_on_another_history_is_recognised_by_its_hash(past: Path, late: ManualClock) -> None:
    """An old exchange.db was put back once, and went on: sequences were given out twice."""
    home = past / "home"
    _restore(past, late)
    with opened(home, clock=late) as exchange:
        floor = Floor(exchange)
        for quantity in range(1, 9):
            floor.place("cat", "sell", quantity, "7.77")
    (home / FILE_NAME).unlink()
    shutil.rmtree(home / "quarantine")
    shutil.copytree(past / "archive", past / "copy")
    edit(home / NAMES["ann"], "UPDATE metadata SET applied_hash = zeroblob(32)")
    result = _restore(past, late)
    whys = {one.name: one.why for one in result.lost}
    assert "another history" in whys[NAMES["ann"]]
    assert "ahead" in whys[NAMES["cat"]]
    assert len(_told(past)[NAMES["cat"]]["beyond"]["events"]) == 8
    _check(past, late)


def test_a_newer_programs_file_is_left_alone(past: Path, late: ManualClock) -> None:
    edit(past / "home" / NAMES["ann"], "PRAGMA user_version = 99")
    before = (past / "home" / NAMES["ann"]).read_bytes()
    result = _restore(past, late)
    assert [name for name, _ in result.left_alone] == [NAMES["ann"]]
    assert (past / "home" / NAMES["ann"]).read_bytes() == before
    with opened(past / "home", clock=late) as exchange, pytest.raises(VersionUnsupported):
        Floor(exchange).user("ann").orders.get_active_orders()


# Refused


def test_nothing_is_changed_where_it_is_refused(past: Path, late: ManualClock, tmp_path: Path) -> None:
    """exchange.db is there, even an empty one; no users' files; another exchange's archive; an archive without a set."""
    home = past / "home"
    before = sorted(path.name for path in home.iterdir())
    with opened(tmp_path / "elsewhere") as other:
        Floor(other).set_up("ann").admin.backups.create(tmp_path / "other")
    with pytest.raises(FileForeign, match="archive of another exchange"):
        restore_exchange_db(Archive.at(tmp_path / "other"), home, clock=late)
    with pytest.raises(TradingError, match="no complete backup"):
        restore_exchange_db(Archive.at(tmp_path / "nothing"), home, clock=late)
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(NotAnExchange, match="--to DIR"):
            restore_exchange_db(Archive.at(past / "archive"), folder, clock=late)
    assert sorted(path.name for path in home.iterdir()) == before
    (home / FILE_NAME).touch()
    with pytest.raises(AlreadyExists, match=r"move it away with its -wal first: mv .*exchange\.db\* DIR"):
        _restore(past, late)


def test_a_process_that_still_has_it_open_keeps_it_from_being_made(past: Path, late: ManualClock) -> None:
    """That process has all of what was deleted."""
    _restore(past, late)
    with opened(past / "home", clock=late):
        (past / "home" / FILE_NAME).unlink()
        with pytest.raises(Busy, match=r"open elsewhere .*still has all of it"):
            _restore(past, late)
    _restore(past, late)
    _check(past, late)


# Cut short


def test_killed_at_any_step_it_can_be_repeated_and_loses_nothing(
    past: Path, late: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_long: bool
) -> None:
    """Nobody can open the folder before it is done; the report of the last try tells of all files; none of their contents is gone."""
    home, saved = past / "home", tmp_path / "saved"
    wanted = {
        name: shared_content(home / name)["audit_trail"]
        for name in (NAMES["ann"], NAMES["bob"], NAMES["dan"], NEW_NAME)
    }
    for left in home.glob("*.db-*"):
        left.unlink()
    shutil.copytree(past, saved)
    every = 1 if is_long else 29
    step, is_done = 3 - every, False
    while not is_done:
        step += every
        shutil.rmtree(past)
        shutil.copytree(saved, past)
        with killed_at(monkeypatch, step) as steps, suppress(Killed):
            _restore(past, late)
        is_done = steps() < step
        if not is_done and not (home / FILE_NAME).exists():
            with pytest.raises(NotAnExchange):
                credit_trading.open(home)
            _restore(past, late)
        assert {one["user_id"] for one in _told(past).values()} == {"ann", "bob", "cat", "dan"}, step
        kept = [shared_content(path)["audit_trail"] for path in (home / "quarantine").glob("trading*.db")]
        assert all(rows in kept for rows in wanted.values()), step
        assert private_of(home / NAMES["ann"]) == [3]
    assert step > 50
    _check(past, late)
