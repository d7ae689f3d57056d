"""Rows that lie in segments elsewhere: found as if they were in exchange.db, proven, or an error that names the segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from credit_trading import ManualClock
from credit_trading.errors import ArchiveUnreachable, FileCorrupt
from credit_trading.exchange import commands as cmd
from credit_trading.journal import archived, moving
from credit_trading.journal.archived import ArchivedSegment
from credit_trading.journal.log import FILE_NAME, Log
from credit_trading.journal.rows import FIRST_HASH, HASH, Row, row_hash
from credit_trading.journal.segments import seal
from credit_trading.store.sqlite import immediate
from tests.floor import CASH, CREDIT, Floor, copy_of, opened

BORDER = 50


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exchange.db that nobody has open: stretches with many trades, few, off the book, and none."""
    home = tmp_path_factory.mktemp("journal") / "trading"
    with opened(home, clock=ManualClock()) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "cat")
        for number in range(6):
            floor.place("ann", "sell", 2, "5.00")
            floor.place("bob", "buy", 2, "5.00")
            if number == 2:
                _settled_later(floor)
            if number == 3:
                for _ in range(8):
                    floor.place("cat", "buy", 1, "1.00")
                floor.admin.transactions.record_transaction(
                    buyer="cat", seller="ann", credit_type=CREDIT, quantity=5, price_per_credit="11.00", currency=CASH
                )
        for _ in range(20):
            floor.place("cat", "buy", 1, "1.00")
    return home / FILE_NAME


def _settled_later(floor: Floor) -> None:
    """A deal that is a trade only with its second event."""
    sequencer = floor.exchange._desk.sequencer
    deal = cmd.EnterTransaction(3, "buy", CREDIT, 5, CASH, 1100, 2, 5500, counterparty=1, pending=True)
    (entered,) = sequencer.submit([sequencer.prepare(deal, scope="admin")])
    settled = cmd.UpdateTransaction(3, entered.sequence, "settled")
    assert sequencer.submit([sequencer.prepare(settled, scope="admin")])[0].ok


@pytest.fixture
def log(journal: Path, tmp_path: Path) -> Iterator[Log]:
    with closing(Log.open(copy_of(journal, tmp_path / "trading"))) as opened_log:
        yield opened_log


def sealed(
    rows: list[Row], place: Path, first: int, last: int, *, holding: tuple[int, int] | None = None
) -> ArchivedSegment:
    """Rows `first` to `last` as a segment at that place; `holding` are the rows of the object, if they are more."""
    start, end = holding or (first, last)
    made, content = seal("x", rows[start - 1 : end], rows[start - 2][HASH] if start > 1 else FIRST_HASH)
    path = place / made.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return ArchivedSegment(
        first=first,
        last=last,
        hash_before=rows[first - 2][HASH] if first > 1 else FIRST_HASH,
        hash_after=rows[last - 1][HASH],
        place=str(place),
        name=made.name,
        sha256="",
        moved_at_us=0,
    )


def all_moved(log: Log, place: Path, *, length: int = 5, remove: bool = True) -> list[Row]:
    """All rows up to the border into segments of that length; gives the rows as they were."""
    rows = log.batch_from(1, 10_000)
    segments = [sealed(rows, place, first, first + length - 1) for first in range(1, BORDER, length)]
    with immediate(log.connection):
        archived.add(log.connection, segments)
        if remove:
            _, sequences = moving.removable(log.connection, after=0, up_to=BORDER, kept=frozenset())
            moving.remove(log.connection, sequences)
    return rows


@pytest.mark.parametrize("length", [5, 10, 25])
def test_every_way_of_reading_gives_what_was_there(log: Log, tmp_path: Path, length: int) -> None:
    """Whatever is asked for first: rows in order, in batches of any size from anywhere, one by one, hashes, trades, keys."""
    known = {number: log.trade(number) for number in range(15)}
    rows = all_moved(log, tmp_path / "place", length=length)
    count = len(rows)
    assert len(log.connection.execute("SELECT 1 FROM journal").fetchall()) < count - 30
    assert {number: log.trade(number) for number in reversed(range(15))} == known
    kinds = [event.kind for number in range(1, 9) if (event := known[number]) is not None]
    assert sorted(set(kinds)) == ["trade", "transaction_entered", "transaction_updated"]
    assert len(kinds) == 8
    assert known[9] is None
    for first in range(1, count + 3):
        assert log.batch_from(first, 1_000_000) == rows[first - 1 :]
        for most in (1, 3, 7, 60):
            assert log.batch_from(first, most) == rows[first - 1 : first - 1 + most]
    assert log.batch_from(1, 0) == []
    assert [log.hash_at(sequence) for sequence in range(1, count + 1)] == [row[HASH] for row in rows]
    assert [log.hash_at(sequence) for sequence in (-1, count + 1)] == [None, None]
    assert log.rows_at([30, 2, count, 3]) == [rows[29], rows[1], rows[count - 1], rows[2]]
    assert log.entry(count + 1) is None
    assert log.head() == (count, rows[-1][HASH])
    assert log.first() == 1


def test_a_users_history_is_walked_back_through_the_archive(log: Log, tmp_path: Path) -> None:
    """As before, from any place of theirs; and a place that is none of theirs is seen."""
    last = {user: row[0] for row in log.batch_from(1, 1_000_000) for user in (row[6], row[9]) if user is not None}
    before = {user: log.history_of(user, last=at, after=0) for user, at in last.items()}
    tails = {user: log.tail_of(user, last=at, after=before[user][2], most=1_000) for user, at in last.items()}
    all_moved(log, tmp_path / "place")
    assert {user: log.history_of(user, last=at, after=0) for user, at in last.items()} == before
    again = {user: log.tail_of(user, last=at, after=before[user][2], most=1_000) for user, at in last.items()}
    assert {user: [row[0] for row in tail or ()] for user, tail in again.items()} == {
        user: [row[0] for row in tail or ()] for user, tail in tails.items()
    }
    assert log.tail_of(1, last=last[1], after=0, most=3) is None
    with pytest.raises(FileCorrupt, match="does not come by here"):
        log.history_of(1, last=last[1], after=before[1][3] + 1)


def test_rows_that_are_still_there_need_no_archive(log: Log, tmp_path: Path) -> None:
    """They are listed as moved, and not taken out yet; the place is not even there."""
    rows = all_moved(log, tmp_path / "place", remove=False)
    (tmp_path / "place").rename(tmp_path / "away")
    assert log.batch_from(1, 1_000_000) == rows
    assert log.batch_from(10, 30) == rows[9:39]
    assert log.entry(20) is not None


def test_the_hashes_at_the_ends_of_segments_need_no_archive(log: Log, tmp_path: Path) -> None:
    rows = all_moved(log, tmp_path / "place")
    (tmp_path / "place").rename(tmp_path / "away")
    assert [log.hash_at(sequence) for sequence in range(5, 51, 5)] == [
        rows[sequence - 1][HASH] for sequence in range(5, 51, 5)
    ]
    with pytest.raises(ArchiveUnreachable, match="holds rows 26 to 30 of the journal, and it cannot be read"):
        log.hash_at(28)
    assert log.batch_from(51, 5) == rows[50:55]


def test_a_gap_that_no_segment_fills_stays_one(log: Log, tmp_path: Path) -> None:
    """Whoever checks the chain finds it: nothing is made up, and nothing behind it is left out."""
    rows = all_moved(log, tmp_path / "place")
    log.connection.execute("DELETE FROM journal WHERE sequence IN (52, 53)")
    expected = [row for row in rows if row[0] not in (52, 53)]
    assert log.batch_from(1, 10_000) == expected
    assert log.batch_from(1, 1_000_000) == expected
    assert log.entry(52) is None


def test_one_segment_is_in_memory_and_none_once_somebody_reads_on(log: Log, tmp_path: Path) -> None:
    """A long-lived process that has once read the archive gives the room back."""
    all_moved(log, tmp_path / "place")
    log.entry(3)
    assert len(log.archived._rows) == 5
    log.batch_from(1, 48)
    assert len(log.archived._rows) == 5
    log.batch_from(BORDER + 1, 1)
    assert (log.archived._rows, log.archived.kept_up_to) == ([], 0)


def test_a_segment_in_memory_is_not_read_again(log: Log, tmp_path: Path) -> None:
    rows = all_moved(log, tmp_path / "place", length=25)
    assert log.entry(3) is not None
    (tmp_path / "place").rename(tmp_path / "away")
    assert log.rows_at(range(2, 25)) == rows[1:24]


def _gone(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _others(path: Path) -> None:
    path.write_bytes(sorted(path.parent.iterdir())[0].read_bytes())


def _edited(path: Path) -> None:
    _rewrite(
        path,
        lambda text: text.replace(b'"quantity":2', b'"quantity":3').replace(b"5.00", b"5.01").replace(b"USD", b"USB"),
    )


def _without_a_row(path: Path) -> None:
    _rewrite(path, lambda text: b"\n".join(line for number, line in enumerate(text.split(b"\n")) if number != 3))


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    text = change(zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes()))
    path.write_bytes(zstandard.ZstdCompressor(level=1).compress(text))


@pytest.mark.parametrize("damage", [_gone, _cut, _flipped, _others, _edited, _without_a_row])
def test_a_segment_that_is_not_what_it_was_gives_nothing(
    log: Log, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Not one row of it, whoever asks; the error names it, the rows that it held, and what to do."""
    rows = log.batch_from(1, 10_000)
    all_moved(log, tmp_path / "place")
    path = next(iter((tmp_path / "place" / "segments").glob("000000000026-*")))
    damage(path)
    for ask in (
        lambda: log.batch_from(1, 1_000_000),
        lambda: log.batch_from(20, 10),
        lambda: log.entry(28),
        lambda: log.rows_at([28]),
        lambda: log.hash_at(28),
    ):
        with pytest.raises(ArchiveUnreachable) as told:
            ask()
        assert told.value.subject == str(path)
        assert (told.value.first, told.value.last) == (26, 30)
        assert "holds rows 26 to 30 of the journal, and " in str(told.value)
        assert "put that object back" in told.value.hint
    assert log.batch_from(31, 20) == rows[30:50]


@pytest.mark.parametrize("edited", [26, 30])
def test_a_forged_segment_gives_nothing(log: Log, tmp_path: Path, edited: int) -> None:
    """Its own chain is whole, made anew over a row that was changed; but it does not lead to the hash that exchange.db knows."""
    rows = all_moved(log, tmp_path / "place")
    forged, last_hash = [], rows[24][HASH]
    for row in rows[25:30]:
        changed = (*row[:1], row[1] + (row[0] == edited), *row[2:])
        last_hash = row_hash(changed, last_hash)
        forged.append((*changed[:HASH], last_hash, *changed[HASH + 1 :]))
    _, content = seal("x", forged, rows[24][HASH])
    path = next(iter((tmp_path / "place" / "segments").glob("000000000026-*")))
    path.write_bytes(content)
    with pytest.raises(ArchiveUnreachable, match="its rows are not those that were moved"):
        log.entry(27)


def test_the_same_rows_in_other_bytes_serve_as_well(log: Log, tmp_path: Path) -> None:
    """A later backup may have sealed them anew with another compressor: the chain proves the rows."""
    rows = all_moved(log, tmp_path / "place")
    for path in (tmp_path / "place" / "segments").iterdir():
        _rewrite(path, bytes)
    assert log.batch_from(1, 1_000_000) == rows


def test_a_part_of_a_segment_is_read_out_of_the_whole(log: Log, tmp_path: Path) -> None:
    """The first part of it was moved with a shorter one, earlier; what it holds beyond is another's."""
    rows = log.batch_from(1, 10_000)
    place = tmp_path / "place"
    segments = [sealed(rows, place, 1, 12), sealed(rows, place, 13, 38, holding=(1, 40))]
    with immediate(log.connection):
        archived.add(log.connection, segments)
        moving.remove(log.connection, list(range(1, 51)))
    assert log.batch_from(1, 38) == rows[:38]
    assert log.entry(39) is not None
    assert log.hash_at(12) == rows[11][HASH]


def test_nothing_beyond_the_border_and_no_key_can_be_removed(log: Log, tmp_path: Path) -> None:
    """Whatever list of rows the caller comes with."""
    rows = log.batch_from(1, 10_000)
    with immediate(log.connection):
        moving.remove(log.connection, [row[0] for row in rows])
    assert log.batch_from(1, 10_000) == rows
    all_moved(log, tmp_path / "place", remove=False)
    with immediate(log.connection):
        moving.remove(log.connection, [row[0] for row in rows])
    left = [row[0] for row in log.connection.execute("SELECT sequence FROM journal ORDER BY sequence")]
    keys = [
        row[0]
        for row in rows
        if row[0] <= BORDER and row[5] is not None and row[2] in ("deposited", "transaction_entered")
    ]
    assert {rows[key - 1][2] for key in keys} == {"deposited", "transaction_entered"}
    assert left == sorted({1, *keys, *range(BORDER + 1, len(rows) + 1)})
    assert log.money_movement(rows[keys[0] - 1][4]) is not None
