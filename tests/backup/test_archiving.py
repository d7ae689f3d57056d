"""The older part of the journal lies in an archive: all is as it was, and whatever cannot be read there fails whole."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from credit_trading import Exchange, ManualClock, Settings, verify_folder
from credit_trading.backup import sealing
from credit_trading.backup.archive import Archive
from credit_trading.backup.archiving import Moved
from credit_trading.backup.planning import Kind
from credit_trading.backup.restoring import restore
from credit_trading.backup.retention import moved
from credit_trading.backup.verified import Verified, record
from credit_trading.errors import ArchiveUnreachable, BackupUnverified, Busy, FileCorrupt, FileForeign
from credit_trading.journal import archived, moving
from credit_trading.journal.log import FILE_NAME
from credit_trading.journal.rows import COLUMNS, MONEY_KINDS
from credit_trading.journal.segments import unseal
from credit_trading.store.locks import BACKUP
from credit_trading.store.places import Folder
from tests.backup.story import everything_in
from tests.floor import CASH, CREDIT, SYMBOL, Floor, edit, opened, rows_of, shared_content

ROWS = 16
"""In a segment, here."""


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "ROWS_PER_SEGMENT", ROWS)
    monkeypatch.setattr(moving, "ROWS_AT_ONCE", 10)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def history(floor: Floor, *, rounds: int = 6) -> None:
    """Orders that rest, trade and are canceled; money that moves; a deal off the book. dan places an order early and does nothing more."""
    floor.add("dan")
    floor.place("dan", "buy", 1, "0.50")
    for number in range(rounds):
        resting = floor.place("ann", "sell", 5, "5.00", client_order_id=f"s{number}")
        floor.place("bob", "buy", 2, "5.00")
        floor.user("ann").orders.cancel_order(resting.order_id)
        floor.admin.accounts.deposit("cat", CASH, "1.00", key=f"d{number}")
    floor.admin.transactions.record_transaction(
        buyer="cat", seller="ann", credit_type=CREDIT, quantity=5, price_per_credit="11.00", currency=CASH
    )


def backed_up(floor: Floor, place: Path) -> None:
    """A full set that counts as verified."""
    floor.admin.backups.create(place, "full")
    archive = Archive.at(place)
    newest = archive.newest()
    record(
        archive,
        Verified(
            set=newest.set,
            manifest_sha256=newest.sha256,
            verified_at_us=0,
            deep=True,
            findings=0,
            tool_version="0",
        ),
    )


def more(floor: Floor) -> None:
    """What comes after the set, for some of the users."""
    floor.place("ann", "sell", 3, "6.00")
    floor.place("bob", "buy", 1, "6.00")


def move(floor: Floor, place: Path, **options: Any) -> Moved:
    return floor.admin.backups.archive_journal(place, **{"keep_events": 0, **options})


def ready(floor: Floor, place: Path) -> Floor:
    history(floor)
    backed_up(floor, place)
    more(floor)
    return floor


def stored(home: Path) -> list[int]:
    """The sequences of the rows in exchange.db itself."""
    return [row[0] for row in rows_of(home / FILE_NAME, "SELECT sequence FROM journal ORDER BY sequence")]


def answers(floor: Floor) -> dict[str, Any]:
    """What is read from the journal's beginning, by everybody who reads it."""
    exchange = floor.exchange
    with floor.admin._desk.live.history() as log:
        trades = [log.trade(number) for number in range(12)]
        histories = [log.history_of(number, last=last, after=0) for number, last in _lasts(floor)]
        rows = log.batch_from(1, 1_000_000)
        batches = [log.batch_from(first, 7) for first in range(1, len(rows), 5)]
        hashes = [log.hash_at(sequence) for sequence in range(len(rows) + 3)]
    return {
        "journal": list(floor.admin.journal()),
        "trades": trades,
        "histories": histories,
        "rows": rows,
        "batches": batches,
        "hashes": hashes,
        "state": exchange.state_digest(),
        "prints": exchange.market_data.get_trades(SYMBOL),
    }


def _lasts(floor: Floor) -> list[tuple[int, int]]:
    with floor.admin._desk.live.reading() as replica:
        return [(user.number, user.last_sequence) for user in replica.users.values()]


def lose_checkpoints(home: Path) -> None:
    shutil.rmtree(home / "checkpoints")


def test_all_that_reads_the_journal_reads_as_before(floor: Floor, place: Path) -> None:
    """Rows, hashes, trades, histories, listings, prints, digests: the same before, and deep verification finds nothing."""
    ready(floor, place)
    before = answers(floor)
    result = move(floor, place)
    assert result.segments == 3
    assert result.rows > 20
    assert len(stored(floor.exchange.home)) == floor.exchange.sequence - result.rows
    assert answers(floor) == before
    assert floor.findings() == []


def test_what_is_made_anew_from_the_beginning_is_as_it_was(
    floor: Floor, place: Path, reopen: Callable[..., Exchange]
) -> None:
    """Users' files, market data and the state itself, without any file that could help."""
    ready(floor, place)
    before = answers(floor)
    content = {user: shared_content(floor.path(user)) for user in ("ann", "bob", "cat", "dan")}
    move(floor, place)
    home = floor.exchange.home
    head = floor.admin.journal_head()
    floor.exchange.close()
    lose_checkpoints(home)
    for path in (*home.glob("trading_*"), *home.glob("marketdata.db*"), home / "caught_up.json"):
        path.unlink()
    anew = Floor(reopen())
    assert answers(anew) == before
    anew.admin.databases.catch_up()
    assert {user: shared_content(anew.path(user)) for user in content} == content
    assert anew.admin.check_journal_head(head.sequence, head.hash) is None
    assert anew.findings() == []


@pytest.fixture
def forgetful(home: Path, clock: ManualClock) -> Iterator[Floor]:
    """An exchange that remembers three commands."""
    with opened(home, clock=clock, settings=Settings(remember_commands=3)) as exchange:
        yield Floor(exchange).set_up("ann", "bob", "cat")


def test_an_old_key_is_known_though_the_archive_is_away(forgetful: Floor, place: Path) -> None:
    """Rows of money movements stay: a deposit that is repeated counts once, whatever becomes of the archive."""
    move(ready(forgetful, place), place)
    place.rename(place.with_name("away"))
    balance = forgetful.balance("cat")
    forgetful.admin.accounts.deposit("cat", CASH, "1.00", key="d0")
    assert forgetful.balance("cat") == balance


def test_an_old_trade_can_be_busted(floor: Floor, place: Path) -> None:
    move(ready(floor, place), place)
    before = floor.balance("bob")
    assert floor.admin.trading.bust_trade(2).seller == "ann"
    assert floor.balance("bob") != before
    assert floor.findings() == []


def must_stay(rows: list[tuple[Any, ...]], border: int) -> set[int]:
    """By the words of the documentation: the first row, money movements, each user's last event up to the border, and all beyond it."""
    kept: set[int] = {1}
    last: dict[int, int] = {}
    for row in rows:
        if row[0] > border or (row[5] is not None and row[2] in MONEY_KINDS):
            kept.add(row[0])
        if row[0] <= border:
            last |= {user: row[0] for user in (row[6], row[9]) if user is not None}
    return kept | set(last.values())


def test_the_rows_that_stay_are_those_that_are_needed_and_no_more(floor: Floor, place: Path) -> None:
    """Also after a second run: what the first one had to keep for somebody's place and nobody needs any more goes then."""
    history(floor)
    floor.place("cat", "sell", 1, "20.00")
    backed_up(floor, place)
    more(floor)
    rows = answers(floor)["rows"]
    first = move(floor, place)
    assert first.border % ROWS, "the next set seals the last part anew, in a segment with rows that were moved"
    assert set(stored(floor.exchange.home)) == must_stay(rows, first.border)
    for number in range(4):
        floor.place("ann", "sell", 1, "7.00", client_order_id=f"later{number}")
        floor.place("bob", "buy", 1, "7.00")
    backed_up(floor, place)
    more(floor)
    rows = answers(floor)["rows"]
    floor.exchange._live.save_checkpoint(every_events=1)
    more(floor)
    rows = answers(floor)["rows"]
    before = answers(floor)
    second = move(floor, place)
    assert second.border > first.border
    assert set(stored(floor.exchange.home)) == must_stay(rows, second.border)
    assert answers(floor) == before
    assert floor.findings() == []


def test_nobody_who_is_up_to_date_needs_the_archive(floor: Floor, place: Path, reopen: Callable[..., Exchange]) -> None:
    """It is away: the exchange opens, everybody trades, idle users too, files come forward, and a quick look finds nothing."""
    move(ready(floor, place), place)
    floor.exchange.close()
    place.rename(place.with_name("away"))
    away = Floor(reopen())
    for user in ("ann", "bob", "cat", "dan"):
        away.place(user, "sell", 1, "9.00")
        assert away.user(user).orders.get_active_orders()
    away.place("dan", "buy", 4, "9.00")
    assert away.exchange.market_data.get_trades(SYMBOL)
    away.admin.databases.catch_up()
    assert away.admin.status().journal.archive == str(place)
    assert [str(finding) for finding in away.admin.verify().findings] == []


MISSING = "trading_ann_ann_example.com.db"


def _away(place: Path) -> None:
    place.rename(place.with_name("away"))


def _segment(place: Path) -> Path:
    return sorted((place / "segments").iterdir())[1]


def _gone(place: Path) -> None:
    _segment(place).unlink()


def _flipped(place: Path) -> None:
    path = _segment(place)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _swapped(place: Path) -> None:
    first, second = sorted((place / "segments").iterdir())[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


@pytest.mark.parametrize("damage", [_away, _swapped])
def test_healing_fails_whole_and_names_the_segment(
    floor: Floor, place: Path, reopen: Callable[..., Exchange], damage: Callable[[Path], None]
) -> None:
    """Nothing half is made, nobody is put in quarantine, everybody trades on; once the archive is whole, all heals."""
    ready(floor, place)
    content = shared_content(floor.path("ann"))
    move(floor, place)
    keep = shutil.copytree(place, place.with_name("kept"))
    home = floor.exchange.home
    path = floor.path("ann")
    floor.exchange.close()
    path.unlink()
    damage(place)
    hurt = Floor(reopen())
    hurt.place("bob", "buy", 1, "4.00")
    with pytest.raises(
        ArchiveUnreachable, match=r"backups/segments/0000.*holds rows \d+ to \d+ of the journal, and"
    ) as told:
        hurt.user("ann").orders.get_active_orders()
    assert told.value.hint
    assert hurt.admin.status().pending.quarantined == []
    found = hurt.admin.verify(deep=True).findings
    assert found
    assert all(
        "backups/segments/0000" in one.file and "holds rows" in one.problem for one in found if one.file != MISSING
    )
    hurt.exchange.close()
    lose_checkpoints(home)
    with pytest.raises(ArchiveUnreachable, match="segments/0000"):
        reopen()
    shutil.rmtree(place, ignore_errors=True)
    keep.rename(place)
    healed = Floor(reopen())
    assert healed.user("ann").orders.get_active_orders()
    assert shared_content(healed.path("ann")) == content
    assert healed.findings() == []


def test_a_deep_look_tries_each_segment_once(floor: Floor, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that does not answer takes its time each time; the findings are the segments, one each, and nothing is made of the gaps."""
    move(ready(floor, place), place)
    _away(place)
    tried: list[int] = []
    read = archived.read

    def counted(segment: archived.ArchivedSegment) -> list[Any]:
        tried.append(segment.first)
        return read(segment)

    monkeypatch.setattr(archived, "read", counted)
    findings = floor.admin.verify(deep=True).findings
    assert tried == [1, 17, 33]
    assert [one.problem.partition(" of ")[0] for one in findings] == [
        f"it holds rows {first} to {last}" for first, last in ((1, 16), (17, 32), (33, 48))
    ]


# What it waits for, and what it refuses


def test_nothing_is_moved_from_a_set_that_was_not_verified(floor: Floor, place: Path) -> None:
    """Never verified, found damaged, changed since, of another history: refused, and no row is gone."""
    history(floor)
    floor.admin.backups.create(place, "full")
    archive = Archive.at(place)
    manifest = archive.newest()
    more(floor)
    before = stored(floor.exchange.home)
    looked = Verified(
        set=manifest.set,
        manifest_sha256=manifest.sha256,
        verified_at_us=0,
        deep=True,
        findings=0,
        tool_version="0",
    )
    for untrue in (None, {"findings": 3}, {"manifest_sha256": "0" * 64}):
        if untrue is not None:
            record(archive, msgspec.structs.replace(looked, **untrue))
        with pytest.raises(BackupUnverified, match=r"nothing is moved.*backup verify --from"):
            move(floor, place)
    *others, last = manifest.segments
    beside = msgspec.structs.replace(last, hash_after="00" * 32)
    foreign = msgspec.structs.replace(manifest, hash="00" * 32, segments=[*others, beside]).sealed()
    archive.publish(foreign)
    record(archive, msgspec.structs.replace(looked, manifest_sha256=foreign.sha256))
    with pytest.raises(BackupUnverified, match="of this journal's history"):
        move(floor, place)
    assert stored(floor.exchange.home) == before


def test_an_archive_of_another_exchange_is_refused(floor: Floor, place: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "other") as other:
        Floor(other).set_up("eve").admin.backups.create(place, "full")
    for somewhere in (place, tmp_path / "nothing"):
        with pytest.raises(FileForeign, match="no archive of this exchange"):
            move(floor, somewhere)


def test_a_backup_at_the_same_time_is_waited_for_by_the_caller(floor: Floor, place: Path) -> None:
    ready(floor, place)
    locks = floor.exchange._live.lock_file
    with locks.hold(BACKUP, timeout_s=0, operation="test"), pytest.raises(Busy):
        move(floor, place)


@pytest.mark.parametrize("damage", [_gone, _flipped])
def test_a_segment_that_is_not_whole_is_found_before_any_row_is_deleted(
    floor: Floor, place: Path, damage: Callable[[Path], None]
) -> None:
    """Verified once, and rotten since."""
    ready(floor, place)
    before = stored(floor.exchange.home)
    damage(place)
    with pytest.raises(ArchiveUnreachable, match="segments/0000"):
        move(floor, place)
    assert stored(floor.exchange.home) == before
    assert not (place / "moved.json").exists()
    assert floor.findings() == []


def test_rows_that_differ_from_the_archives_are_not_deleted(floor: Floor, place: Path) -> None:
    """exchange.db was edited in a place that no quick look reaches."""
    ready(floor, place)
    floor.exchange._live.save_checkpoint(every_events=1)
    more(floor)
    edit(floor.exchange.home / FILE_NAME, "UPDATE journal SET payload = payload || ' ' WHERE sequence = 20")
    before = stored(floor.exchange.home)
    with pytest.raises(FileCorrupt, match=r"are not those in exchange\.db"):
        move(floor, place)
    assert stored(floor.exchange.home) == before


def test_the_latest_events_stay_as_asked(floor: Floor, place: Path) -> None:
    ready(floor, place)
    head = floor.exchange.sequence
    held = move(floor, place, keep_events=head - ROWS - 1)
    assert (held.border, held.held_by) == (ROWS, [f"the last {head - ROWS - 1} events stay"])
    assert move(floor, place).border > ROWS


def test_by_default_a_small_exchange_keeps_all(floor: Floor, place: Path) -> None:
    ready(floor, place)
    result = floor.admin.backups.archive_journal(place)
    assert (result.border, result.rows, result.held_by) == (0, 0, ["the last 50000 events stay"])


def test_a_file_that_is_behind_holds_the_border_and_is_named(floor: Floor, place: Path) -> None:
    """A damaged one: what mends it may need everything."""
    history(floor)
    backed_up(floor, place)
    path = floor.path("bob")
    floor.admin.databases.catch_up()
    more(floor)
    floor.exchange._files.let_go(floor.exchange._desk.user_number("bob"))
    path.write_bytes(b"not a database" * 500)
    floor.place("bob", "buy", 1, "2.00")
    result = move(floor, place)
    assert (result.border, result.rows) == (0, 0)
    assert result.held_by == ["the file of bob cannot be brought forward: credit-trading rebuild bob"]
    floor.admin.databases.rebuild("bob")
    assert move(floor, place).border > 0


def test_the_older_checkpoint_holds_the_border(floor: Floor, place: Path) -> None:
    """Either of the two serves to start up without the archive."""
    history(floor, rounds=1)
    floor.exchange._live.save_checkpoint(every_events=1)
    older = floor.exchange.sequence
    history_again(floor)
    backed_up(floor, place)
    more(floor)
    result = move(floor, place)
    assert result.border <= older - 1
    (held,) = result.held_by
    assert f"the older checkpoint stands at {older}, " in held
    assert f"repeat this once there are events beyond {floor.exchange.sequence}" in held
    more(floor)
    assert move(floor, place).border > older


def history_again(floor: Floor) -> None:
    for _ in range(4):
        floor.place("ann", "sell", 2, "5.50")
        floor.place("bob", "buy", 2, "5.50")


def test_a_dry_run_tells_and_changes_nothing(floor: Floor, place: Path) -> None:
    ready(floor, place)
    before = stored(floor.exchange.home)
    told = move(floor, place, dry_run=True)
    assert stored(floor.exchange.home) == before
    assert floor.exchange.as_admin("a").status().journal.archived_up_to == 0
    done = move(floor, place)
    assert (told.border, told.rows, told.segments, told.dry_run) == (done.border, done.rows, done.segments, True)


def test_moving_again_moves_nothing(floor: Floor, place: Path) -> None:
    ready(floor, place)
    first = move(floor, place)
    again = move(floor, place)
    assert (again.border, again.rows, again.segments) == (first.border, 0, 0)


# Crashes, other processes, room


class Crash(Exception):
    """The process ends here."""


def _raising(calls: int, function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """The function, but that its n-th call raises, before or after its work."""
    count = iter(range(calls))

    def stand_in(*words: Any, **more: Any) -> Any:
        is_last = next(count) == calls - 1
        if is_last and not after:
            raise Crash
        result = function(*words, **more)
        if is_last:
            raise Crash
        return result

    return stand_in


STEPS = [
    (Folder, "write", 1, False),
    (archived, "add", 1, True),
    (moving, "remove", 1, True),
    (moving, "remove", 3, False),
    (moving, "compact", 1, False),
    (moving, "compact", 1, True),
]
"""What raises at its n-th call, before it or (True) after it; what is done after one step is done before the next."""


@pytest.mark.parametrize(
    ("where", "step", "calls", "after"), STEPS, ids=[f"{one[1]}-{one[2]}-{one[3]}" for one in STEPS]
)
def test_a_crash_at_any_step_loses_nothing_and_the_next_run_ends_it(
    floor: Floor,
    place: Path,
    reopen: Callable[..., Exchange],
    where: object,
    step: str,
    calls: int,
    after: bool,
) -> None:
    """Whoever opens the exchange then finds all as it was; moving again leaves exactly the rows that are to stay."""
    ready(floor, place)
    before = answers(floor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "free_pages", lambda _: (2, 3))
        patch.setattr(where, step, _raising(calls, getattr(where, step), after=after))
        with pytest.raises(Crash):
            move(floor, place)
    floor.exchange.close()
    again = Floor(reopen())
    assert answers(again) == before
    assert again.findings() == []
    assert {one[0] for one in rows_of(again.exchange.home / FILE_NAME, "SELECT name FROM archived_segments")} <= {
        one.name for one in moved(Archive.at(place))
    }
    result = move(again, place)
    assert set(stored(again.exchange.home)) == must_stay(before["rows"], result.border)
    assert answers(again) == before
    assert again.findings() == []


def test_another_process_that_has_it_open_sees_what_was_moved(
    floor: Floor, place: Path, reopen: Callable[..., Exchange]
) -> None:
    """Its connections, books and replica are from before; one of its readers is in the middle of the rows that go."""
    ready(floor, place)
    other = Floor(reopen())
    before = answers(other)
    with other.exchange._live.history() as log:
        reader = log.connection.execute(f"SELECT {COLUMNS} FROM journal ORDER BY sequence")
        read = reader.fetchmany(5)
    began_s = time.monotonic()
    move(floor, place)
    assert time.monotonic() - began_s < 5, "writers were kept waiting for the reader"
    assert read + reader.fetchall() == before["rows"]
    assert answers(other) == before
    other.place("bob", "buy", 1, "4.00")
    assert floor.exchange.sequence == other.exchange.sequence
    assert other.findings() == []


def test_a_process_that_was_idle_for_long_goes_on_without_the_archive(
    floor: Floor, place: Path, reopen: Callable[..., Exchange]
) -> None:
    """The rows that it has missed were moved, and the archive is away: it starts from a checkpoint, as if it had just been opened."""
    idle = Floor(reopen())
    assert idle.exchange.sequence < 20
    move(ready(floor, place), place)
    place.rename(place.with_name("away"))
    idle.place("bob", "buy", 1, "4.00")
    assert idle.exchange.state_digest() == floor.exchange.state_digest()


def test_trading_goes_on_meanwhile(floor: Floor, place: Path) -> None:
    """Orders come in between any two slices, and their events point at rows that have stayed."""
    ready(floor, place)
    remove = moving.remove

    def trade_and_remove(*words: Any, **more: Any) -> None:
        remove(*words, **more)
        done.append(threading.Thread(target=floor.place, args=("dan", "buy", 1, "4.00")))
        done[-1].start()

    done: list[threading.Thread] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "remove", trade_and_remove)
        move(floor, place)
    for thread in done:
        thread.join()
    assert len(floor.user("dan").orders.get_active_orders()) == len(done) + 1 > 3
    assert floor.findings() == []


def test_file_and_wal_are_small_afterwards(floor: Floor, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long history of which little remains gives its room back; the WAL is empty."""
    monkeypatch.setattr(sealing, "ROWS_PER_SEGMENT", 2_000)
    monkeypatch.setattr(moving, "ROWS_AT_ONCE", 500)
    prepared = [
        floor.prepared("ann" if number % 2 else "bob", "sell" if number % 2 else "buy", 1, "5.00")
        for number in range(1_500)
    ]
    floor.exchange.submit(prepared)
    backed_up(floor, place)
    more(floor)
    home = floor.exchange.home
    result = move(floor, place)
    assert result.rows > 2_000
    assert (home / FILE_NAME).stat().st_size < 250_000
    assert (home / f"{FILE_NAME}-wal").stat().st_size == 0
    assert result.bytes_freed > 700_000
    assert floor.admin.status().journal.archived_up_to == result.border


def test_the_archive_knows_what_exists_only_there(floor: Floor, place: Path) -> None:
    """What is moved stands in the list that pruning goes by."""
    result = move(ready(floor, place), place)
    assert [(one.first, one.last) for one in moved(Archive.at(place))][-1][1] == result.border
    with floor.exchange._live.history() as log:
        assert [one.name for one in archived.list_all(log.connection)] == [one.name for one in moved(Archive.at(place))]


def test_others_read_while_somebody_waits_for_the_archive(
    floor: Floor, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that does not answer holds up whoever needs it, and no order, nor anybody else who reads."""
    move(ready(floor, place), place)
    begun, go_on, read = threading.Event(), threading.Event(), archived.read

    def slowly(segment: archived.ArchivedSegment) -> list[Any]:
        begun.set()
        assert go_on.wait(30)
        return read(segment)

    monkeypatch.setattr(archived, "read", slowly)
    listed: list[Any] = []
    reader = threading.Thread(target=lambda: listed.extend(floor.admin.journal()))
    reader.start()
    try:
        assert begun.wait(30)
        floor.place("ann", "sell", 1, "8.00")
        assert len(floor.user("ann").orders.get_active_orders()) == 2
    finally:
        go_on.set()
        reader.join()
    assert [entry.sequence for entry in listed] == list(range(1, len(listed) + 1))


# Backups of an exchange whose rows were moved


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same place", "another place"])
def test_a_full_backup_afterwards_holds_all_rows(floor: Floor, place: Path, tmp_path: Path, elsewhere: bool) -> None:
    move(ready(floor, place), place)
    rows = answers(floor)["rows"]
    to = tmp_path / "second" if elsewhere else place
    floor.admin.backups.create(to, "full")
    archive = Archive.at(to)
    found: list[Any] = []
    for segment in archive.newest().segments:
        found += unseal(archive.read(segment), name=segment.name)[1]
    assert found == rows


@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_a_set_that_was_made_afterwards_restores_whole(floor: Floor, place: Path, tmp_path: Path, kind: Kind) -> None:
    """All rows are in exchange.db again, whatever becomes of the old one's archive list; and the old one moves on from the new set."""
    move(ready(floor, place), place)
    before = answers(floor)
    floor.admin.backups.create(place, kind)
    restored = restore(Archive.at(place), tmp_path / "restored", check=everything_in)
    assert [str(finding) for finding in restored.findings] == []
    assert stored(tmp_path / "restored") == list(range(1, floor.exchange.sequence + 1))
    assert rows_of(tmp_path / "restored" / FILE_NAME, "SELECT * FROM archived_segments") == []
    with opened(tmp_path / "restored", clock=ManualClock()) as again:
        assert answers(Floor(again)) == before


# The list of what was moved, and the rows that had to stay, as verification sees them


@pytest.fixture(scope="module")
def moved_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exchange that nobody has open, its rows up to 48 moved; to be copied. The archive stays where it is."""
    folder = tmp_path_factory.mktemp("moved")
    with pytest.MonkeyPatch.context() as patch, opened(folder / "trading", clock=ManualClock()) as exchange:
        patch.setattr(sealing, "ROWS_PER_SEGMENT", ROWS)
        floor = Floor(exchange).set_up("ann", "bob", "cat")
        assert move(ready(floor, folder / "backups"), folder / "backups").border == 48
    assert stored(folder / "trading")[-3:] == [49, 50, 51]
    return folder / "trading"


@pytest.mark.parametrize(
    ("damage", "problem", "deep"),
    [
        ("DELETE FROM archived_segments WHERE first = 17", "does not follow on the one before", False),
        (
            "UPDATE archived_segments SET hash_after = x'00' WHERE first = 17",
            "does not follow on the one before",
            False,
        ),
        ("UPDATE archived_segments SET hash_after = x'00' WHERE last = 48", "does not go on from where it ends", False),
        ("UPDATE archived_segments SET last = 47 WHERE last = 48", "does not go on", False),
        ("DELETE FROM journal WHERE sequence = 49", "row behind the last one is missing", False),
        ("DELETE FROM journal WHERE sequence = 22", "its key has to stay known here", True),
        ("UPDATE journal SET payload = payload || ' ' WHERE sequence = 22", "chain is broken", True),
        ("UPDATE archived_segments SET name = 'segments/x' WHERE first = 17", "holds rows 17 to 32", True),
    ],
)
def test_what_is_wrong_with_it_is_found(home: Path, moved_home: Path, damage: str, problem: str, deep: bool) -> None:
    """The list without reading the archive; what had to stay, and the archive itself, by a deep look."""
    shutil.copytree(moved_home, home)
    edit(home / FILE_NAME, damage)
    found = [str(finding) for finding in verify_folder(home, deep=deep).findings]
    assert [one for one in found if problem in one], found
