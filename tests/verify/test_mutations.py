"""Any change to exchange.db that alters a stored value, key, schema or index is named by verify; what cannot be is listed here.

The changes are derived from the schema as it is, so that a column of tomorrow is covered the day it comes.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import credit_trading
from credit_trading.journal import rows
from credit_trading.journal.log import FORMAT_VERSION
from credit_trading.store.sqlite import connect
from credit_trading.users.tables.schema import SHARED_TABLES
from tests.floor import rows_of
from tests.verify import sample as samples
from tests.verify.sample import Sample, change, columns, content, other_values, rows_with_values, tampering

SECRET_TO_NOBODY = {
    ("backup_generation", "lineage"): "a name by chance; with another one the next backup is a full one",
    ("backup_generation", "restored_from"): "from which set the exchange was restored stands nowhere else",
    (
        "private_facts",
        "since",
    ): "since when a file holds private facts stands nowhere else; before the user came is noticed",
    (
        "private_facts",
        "generation",
    ): "before which backup the last private fact was written stands nowhere else; one that has not begun is noticed",
    (
        "backup_generation",
        "generation",
    ): "how many backups have begun is told by archives, which verify does not read; one below a written one is noticed",
}
"""Columns of exchange.db some of whose values nothing else knows, and why."""

EMPTY = {"quarantine", "erased_users", "archived_segments"}
"""Tables without a row in the sample."""


def named(sample: Sample, user: str | None = None, *, deep: bool = True) -> set[str]:
    """The files that a look complains about; each finding can be shown and says what to do."""
    told = credit_trading.verify_folder(sample.home, user_id=user, deep=deep)
    found = told.findings
    for finding in found:
        assert "\n" not in str(finding)
        assert finding.problem
        assert finding.repair
    return {finding.file for finding in found}


def test_nothing_is_wrong_before_anything_is_changed(whole: Sample) -> None:
    """Deep and quick."""
    assert whole.found() == []
    assert whole.found(deep=False) == []


def test_every_table_has_a_row_to_change_but_for_those_that_are_looked_at_by_themselves(whole: Sample) -> None:
    """A row in the quarantine is a finding by itself; the other two have tests of their own."""
    tables = {table for table, _ in columns(whole.journal)}
    assert tables == {"journal", "command_notes", "users", "private_facts", "backup_generation"} | EMPTY
    empty = {table for table, column in columns(whole.journal) if not rows_with_values(whole.journal, table, column)}
    assert empty == EMPTY


# Values


def test_every_value_of_every_column_is_watched(whole: Sample, tmp_path: Path, is_long: bool) -> None:
    """One row of each column in turn, or with --long all of them: to a value beside it, to nothing, and to what another row has."""
    chance = random.Random(1)
    for number, (table, column) in enumerate(columns(whole.journal)):
        if table in EMPTY:
            continue
        stored = rows_with_values(whole.journal, table, column)
        known = [value for _, value in stored]
        tried, unnamed = 0, 0
        for place, value in stored if is_long else [chance.choice(stored)]:
            others = [one for one in dict.fromkeys(known) if one is not None]
            for new in other_values(value, chance.sample(others, min(1, len(others)))):
                copy = whole.copied(tmp_path / f"{number}-{place}-{tried}")
                if change(copy.journal, table, column, place, new):
                    tried += 1
                    is_named = bool(named(copy))
                    unnamed += not is_named
                    may_pass = (table, column) in SECRET_TO_NOBODY
                    assert is_named or may_pass, f"{table}.{column} of row {place}: {value!r} became {new!r}"
                shutil.rmtree(copy.home)
        assert tried, f"{table}.{column} took no other value"
        assert bool(unnamed) == ((table, column) in SECRET_TO_NOBODY), f"{table}.{column} is no secret any more"


TABLES = ("journal", "command_notes", "users", "private_facts", "backup_generation")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_a_row_that_was_dropped_is_missed(sample: Sample, table: str, which: str) -> None:
    with tampering(sample.journal) as connection:
        keys = [row[0] for row in connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
        connection.execute(
            f"DELETE FROM {table} WHERE rowid = ?", (keys[{"first": 0, "middle": len(keys) // 2, "last": -1}[which]],)
        )
    assert named(sample)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("key", [-7, 0, 1_000])
def test_a_row_that_was_added_is_noticed(sample: Sample, table: str, key: int) -> None:
    """A copy of another, under a key before, at and beyond the ends; what must be unique is made so."""
    unique = {"users": ("user_id", "folded_id", "file_name", "previous_file_name")}.get(table, ())
    with tampering(sample.journal) as connection:
        found = connection.execute("SELECT name, pk FROM pragma_table_xinfo(?)", (table,)).fetchall()
        values = ", ".join(str(key) if pk else f"{name} || 'x'" if name in unique else name for name, pk in found)
        connection.execute(f"INSERT INTO {table} SELECT {values} FROM {table} LIMIT 1")
    assert "exchange.db" in named(sample)


def test_a_user_who_was_put_into_quarantine_by_hand_is_told(sample: Sample) -> None:
    """The whole list is, and a number that no user has."""
    with tampering(sample.journal) as connection:
        connection.execute("INSERT INTO quarantine VALUES (1, 1800000000000000, 'file_corrupt', 'because')")
        connection.execute("INSERT INTO quarantine VALUES (77, 1800000000000000, 'file_corrupt', 'because')")
    told = [str(finding) for finding in sample.found()]
    assert any("user ann: in quarantine since" in line and "because" in line for line in told)
    assert any("quarantine #77: there is no such user" in line for line in told)


def test_who_was_erased_is_a_user_and_was_so_before(sample: Sample) -> None:
    """dan may be, and ann too: to be deleted and erased is forgotten by an exchange that is restored to before that, but for this list."""
    later = 1_900_000_000_000_000
    with tampering(sample.journal) as connection:
        numbers = dict(connection.execute("SELECT user_id, number FROM users").fetchall())
        for user in ("ann", "dan"):
            connection.execute("INSERT INTO erased_users VALUES (?, ?)", (numbers[user], later))
    assert sample.found() == []
    with tampering(sample.journal) as connection:
        connection.execute("INSERT INTO erased_users VALUES (77, ?)", (later,))
        connection.execute("UPDATE erased_users SET erased_at = 5 WHERE number = ?", (numbers["dan"],))
    told = [f"{finding.row}: {finding.problem}" for finding in sample.found() if "erased" in str(finding.row)]
    assert sorted(told) == [
        f"erased_users #{numbers['dan']}: it is older than the user",
        "erased_users #77: there is no such user",
    ]


def test_no_private_fact_was_written_after_a_backup_that_has_not_begun(sample: Sample) -> None:
    """Backups would take it for copied, and leave it out."""
    with tampering(sample.journal) as connection:
        connection.execute("UPDATE backup_generation SET generation = 7")
        connection.execute("UPDATE private_facts SET generation = 7")
    assert sample.found() == []
    with tampering(sample.journal) as connection:
        connection.execute("UPDATE backup_generation SET generation = 6")
    (finding,) = sample.found(deep=False)
    assert finding.problem == "written in a generation that has not begun"


def test_rows_that_changed_places_are_noticed(sample: Sample) -> None:
    with tampering(sample.journal) as connection:
        connection.execute("UPDATE journal SET sequence = -sequence WHERE sequence IN (12, 13)")
        connection.execute("UPDATE journal SET sequence = 25 + sequence WHERE sequence < 0")
    assert {finding.row for finding in sample.found()} >= {"sequence 12", "sequence 13"}


def test_a_pending_rename_that_is_none_is_told(sample: Sample) -> None:
    """It looks like one that a crash has left, which is nothing wrong and is finished when the exchange is next opened."""
    with tampering(sample.journal) as connection:
        connection.execute("UPDATE users SET previous_file_name = 'trading_bob_old.db' WHERE user_id = 'bob'")
    told = credit_trading.verify_folder(sample.home, deep=True)
    assert told.findings == []
    assert told.notes == ["The file of user bob is still to be renamed from trading_bob_old.db."]


# The chain


def _recompute(sample: Sample, first: int) -> None:
    """Makes the chain whole again from that row on."""
    with tampering(sample.journal) as connection:
        (last,) = connection.execute("SELECT hash FROM journal WHERE sequence = ?", (first - 1,)).fetchone()
        for row in connection.execute(f"SELECT {rows.COLUMNS} FROM journal WHERE sequence >= ?", (first,)).fetchall():
            last = rows.row_hash(row, last)
            connection.execute("UPDATE journal SET hash = ? WHERE sequence = ?", (last, row[0]))


def _edit_deposit(sample: Sample, *, last: bool = False) -> int:
    """Makes one deposit larger; returns its sequence."""
    order = "DESC" if last else "ASC"
    with tampering(sample.journal) as connection:
        (sequence,) = connection.execute(
            f"SELECT sequence FROM journal WHERE kind = 'deposited' ORDER BY sequence {order} LIMIT 1"
        ).fetchone()
        edited = "UPDATE journal SET payload = replace(payload, '\"amount\":', '\"amount\":1') WHERE sequence = ?"
        connection.execute(edited, (sequence,))
    return int(sequence)


def test_an_edited_row_with_its_hash_recomputed_breaks_the_chain_behind_it(sample: Sample) -> None:
    sequence = _edit_deposit(sample)
    with tampering(sample.journal) as connection:
        row = connection.execute(f"SELECT {rows.COLUMNS} FROM journal WHERE sequence = ?", (sequence,)).fetchone()
        (before,) = connection.execute("SELECT hash FROM journal WHERE sequence = ?", (sequence - 1,)).fetchone()
        connection.execute("UPDATE journal SET hash = ? WHERE sequence = ?", (rows.row_hash(row, before), sequence))
    assert f"sequence {sequence + 1}" in {finding.row for finding in sample.found()}


def test_a_chain_that_was_recomputed_to_its_end_is_not_the_one_that_others_know(sample: Sample) -> None:
    """Users' files, market data and the checkpoint stand on the old one; and whoever kept a head can prove it."""
    kept = _head(sample)
    _recompute(sample, _edit_deposit(sample))
    assert named(sample) >= {"exchange.db", sample.files["ann"], sample.files["bob"], "marketdata.db"}
    assert "never rebuild" in str(sample.found()).lower()
    assert "not what it was" in _proof(sample, *kept)


def test_the_last_row_edited_with_its_hash_recomputed_is_found_by_whom_it_concerns(sample: Sample) -> None:
    with tampering(sample.journal) as connection:
        connection.execute("DELETE FROM command_notes WHERE sequence = (SELECT max(sequence) FROM journal)")
        edited = (
            "UPDATE journal SET note = NULL, payload = replace(payload, '\"price_ticks\":450', '\"price_ticks\":451')"
        )
        connection.execute(f"{edited} WHERE sequence = (SELECT max(sequence) FROM journal)")
        (last,) = connection.execute("SELECT max(sequence) FROM journal").fetchone()
    _recompute(sample, last)
    assert sample.files["ann"] in named(sample)


def test_a_last_row_that_nobody_has_followed_is_watched_by_a_kept_head_alone(sample: Sample) -> None:
    """No other file knows it yet: verify cannot tell, and says nothing. This is what heads are kept for."""
    with credit_trading.open(sample.home) as exchange:
        exchange.as_admin("setup").assets.add_asset("EUR", decimals=2)
        last = exchange.sequence
    kept = _head(sample)
    with tampering(sample.journal) as connection:
        connection.execute(
            "UPDATE journal SET payload = replace(payload, '\"decimals\":2', '\"decimals\":3') WHERE sequence = ?",
            (last,),
        )
    _recompute(sample, last)
    assert named(sample) == set()
    assert "not what it was" in _proof(sample, *kept)


def _head(sample: Sample) -> tuple[int, str]:
    with credit_trading.open(sample.home) as exchange:
        head = exchange.as_admin("auditor").journal_head()
        assert exchange.as_admin("auditor").check_journal_head(head.sequence, head.hash) is None
        return head.sequence, head.hash


def _proof(sample: Sample, sequence: int, kept: str) -> str:
    """What is said of a head that was kept."""
    with credit_trading.open(sample.home) as exchange:
        return str(exchange.as_admin("auditor").check_journal_head(sequence, kept))


# Schema and settings


def _schema_changes(path: Path) -> list[tuple[str, ...]]:
    """Statements that change the schema, each list for itself: whatever is there is dropped, renamed, added to, made anew otherwise."""
    with closing(connect(path, mode="rw")) as connection:
        objects = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
        ).fetchall()
    changes: list[tuple[str, ...]] = []
    for kind, name, table, sql in objects:
        changes.append((f"DROP {kind} {name}",))
        if kind == "index":
            changes.append((f"DROP INDEX {name}", sql.partition("WHERE")[0]))
            more = columns(path, tables=[table])[-1][1]
            changes.append((f"DROP INDEX {name}", sql.replace(f"{table} (", f"{table} ({more}, ")))
            continue
        column = sql.partition("(")[2].split()[0]
        changes += [
            (f"ALTER TABLE {name} ADD COLUMN more TEXT",),
            (f"ALTER TABLE {name} RENAME COLUMN {column} TO other",),
            (f"ALTER TABLE {name} RENAME TO other",),
            (f"CREATE INDEX other ON {name} ({column})",),
            (f"CREATE TRIGGER other AFTER INSERT ON {name} BEGIN DELETE FROM {name}; END",),
        ]
    return [*changes, ("CREATE TABLE other (a)",), ("CREATE VIEW other AS SELECT * FROM users",)]


def test_whatever_is_done_to_the_schema_is_named(whole: Sample, tmp_path: Path, is_long: bool) -> None:
    """By a quick look at each, and by a deep one, which costs four times as much, at each fifth, or with --long at each."""
    tried = 0
    for number, statements in enumerate(_schema_changes(whole.journal)):
        copy = whole.copied(tmp_path / str(number))
        with tampering(copy.journal) as connection:
            for statement in statements:
                connection.execute(statement)
        assert "exchange.db" in named(copy, deep=False), statements
        if is_long or number % 5 == 0:
            assert "exchange.db" in named(copy), statements
        shutil.rmtree(copy.home)
        tried += 1
    assert tried > 30


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA application_id = 7",
        *(f"PRAGMA user_version = {version}" for version in (0, *range(1, FORMAT_VERSION), FORMAT_VERSION + 1)),
        "PRAGMA journal_mode = DELETE",
    ],
)
def test_a_setting_that_was_altered_is_named(sample: Sample, statement: str) -> None:
    with closing(connect(sample.journal, mode="rw")) as connection:
        connection.execute(statement)
    assert "exchange.db" in named(sample)


def test_an_index_that_lost_an_entry_is_named(sample: Sample) -> None:
    """The key of a money movement: a deposit repeated with it would happen twice."""
    with closing(connect(sample.journal, mode="rw")) as connection:
        sql = "SELECT sql FROM sqlite_schema WHERE name = 'journal_money_causes'"
        (whole,) = connection.execute(sql).fetchone()
        fewer = whole.replace("'deposited', ", "")
        connection.execute("DROP INDEX journal_money_causes")
        connection.execute(fewer)
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'journal_money_causes'", (whole,))
    assert any("missing from index" in finding.problem for finding in sample.found())


# Bytes


def test_every_flipped_byte_is_found_or_changes_nothing(whole: Sample, tmp_path: Path, is_long: bool) -> None:
    """Anywhere in exchange.db: verify names it, or schema, settings and every row are what they were. Never a crash.

    Most of a small database is zeros that hold nothing; three of four flips are made in the other bytes.
    """
    original, expected = whole.journal.read_bytes(), content(whole.journal)
    assert not isinstance(expected, str)
    assert _without_wal(whole)
    chance = random.Random(60)
    filled, harmless = [place for place, byte in enumerate(original) if byte], 0
    for number in range(3_000 if is_long else 40):
        copy = whole.copied(tmp_path / str(number))
        place = chance.choice(filled) if number % 4 else chance.randrange(len(original))
        bits = chance.randrange(1, 256)
        flipped = bytearray(original)
        flipped[place] ^= bits
        copy.journal.write_bytes(flipped)
        if not named(copy):
            copy.journal.write_bytes(flipped)
            assert content(copy.journal) == expected, f"byte {place} ^ {bits}"
            harmless += 1
        shutil.rmtree(copy.home)
    assert harmless < number / 2, f"{harmless} of {number} flips changed nothing: they were not where anything is"


def _without_wal(sample: Sample) -> bool:
    wal = Path(f"{sample.journal}-wal")
    return not wal.exists() or not wal.stat().st_size


# Users' files


WATCHED = (*SHARED_TABLES, "column_descriptions")


def test_every_column_of_a_users_file_is_watched(whole: Sample, tmp_path: Path, is_long: bool) -> None:
    """A row of each in turn; a quarter of the columns, all with --long. The file and the user are named."""
    chance = random.Random(2)
    copy = whole.copied(tmp_path / "copy")
    path = copy.file("ann")
    saved = path.read_bytes()
    found = columns(path, tables=WATCHED)
    for table, column in found if is_long else chance.sample(found, len(found) // 4):
        place, value = chance.choice(rows_with_values(path, table, column))
        assert any(change(path, table, column, place, new) for new in other_values(value, [7, "seven"])), (
            table,
            column,
        )
        is_ahead = column == "applied_sequence"  # then it may be exchange.db that is an old one
        assert named(copy, "ann") - ({"exchange.db"} if is_ahead else set()) == {path.name}, (
            f"{table}.{column}, {value!r}"
        )
        path.write_bytes(saved)
    assert named(copy, "ann") == set()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM trading_transactions WHERE rowid = (SELECT min(rowid) FROM trading_transactions)",
        "DELETE FROM balances",
        "DELETE FROM metadata",
        "INSERT INTO assets VALUES ('GOLD', 3, NULL)",
        "DROP TABLE audit_trail",
        "DROP VIEW balances_readable",
        "DROP INDEX transactions_by_date",
        "DELETE FROM audit_trail WHERE sequence = (SELECT max(sequence) FROM audit_trail)",
        "UPDATE balance_changes SET balance = balance + 1",
        "INSERT INTO transactions_text (rowid, words) VALUES (1, 'somewhat more')",
        "CREATE TRIGGER t AFTER INSERT ON balances BEGIN DELETE FROM audit_trail; END",
        "CREATE INDEX more ON balances (posted)",
        "ALTER TABLE balances ADD COLUMN more INTEGER",
    ],
)
def test_rows_and_schema_of_a_users_file_are_watched(sample: Sample, statement: str) -> None:
    """In a file with private facts, whose own table is nobody's business."""
    with tampering(sample.file("ann")) as connection:
        connection.execute(statement)
    assert named(sample) == {sample.files["ann"]}


@pytest.mark.parametrize("event", ["INSERT", "UPDATE", "DELETE"])
def test_an_audit_trail_without_its_guard_is_named(sample: Sample, event: str) -> None:
    """Whoever wants to rewrite it has to take the trigger away first."""
    found = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE ?"
    ((guard,),) = rows_of(sample.file("ann"), found, (f"%BEFORE {event} ON audit_trail%",))
    with closing(connect(sample.file("ann"), mode="rw")) as connection:
        connection.execute(f"DROP TRIGGER {guard}")
    assert named(sample) == {sample.files["ann"]}


def test_a_table_of_ones_own_needs_the_mark(sample: Sample) -> None:
    """What the journal does not know is written in one way only, which marks the user first."""
    with tampering(sample.file("bob")) as connection:
        connection.execute("CREATE TABLE own (a)")
    assert named(sample) == {sample.files["bob"]}
    with tampering(sample.file("ann")) as connection:
        connection.execute(f"INSERT INTO {samples.PRIVATE} VALUES ('sun')")
    assert named(sample) == {sample.files["bob"]}


def test_two_files_that_were_swapped_are_both_named(sample: Sample) -> None:
    ann, bob = sample.file("ann"), sample.file("bob")
    content_of_ann = ann.read_bytes()
    ann.write_bytes(bob.read_bytes())
    bob.write_bytes(content_of_ann)
    for deep in (False, True):
        assert {finding.file for finding in sample.found(deep=deep)} == {ann.name, bob.name}


def test_the_file_of_another_exchange_is_named(sample: Sample, tmp_path: Path) -> None:
    other = samples.made(tmp_path / "other")
    shutil.copy(other.file("bob"), sample.file("bob"))
    for deep in (False, True):
        (finding,) = sample.found(deep=deep)
        assert (finding.file, finding.problem) == (sample.files["bob"], "it belongs to another exchange")


def test_a_file_that_is_gone_is_named_and_made_anew_unless_only_it_knew_something(sample: Sample) -> None:
    """bob's follows from the journal; ann's held private facts."""
    sample.file("bob").unlink()
    for deep in (False, True):
        (finding,) = sample.found(deep=deep)
        assert (finding.file, finding.problem) == (sample.files["bob"], "the file is missing")
        assert "users catch-up" in finding.repair
    assert not sample.file("bob").exists()
    sample.file("ann").unlink()
    finding, _ = sample.found(deep=False)
    assert finding.file == sample.files["ann"]
    assert "--accept-loss" in finding.repair


# Time turned back


def test_an_older_exchange_db_is_known_by_all_that_is_ahead_of_it(whole: Sample, sample: Sample) -> None:
    """Users' files, market data and checkpoint: the advice is to put the newer one back, and not to rebuild."""
    with credit_trading.open(sample.home) as exchange:
        admin = exchange.as_admin("setup")
        for user in sample.files:
            admin.accounts.deposit(user, "USD", "1.00")
    shutil.copy(whole.journal, sample.journal)
    for deep in (False, True):
        found = sample.found(deep=deep)
        assert {finding.file for finding in found} == {"exchange.db", *sample.files.values()}
        assert all("ahead of the journal" in finding.problem for finding in found if finding.file != "exchange.db")
        assert all("put the newer one back" in finding.repair for finding in found)


def test_commits_that_were_only_in_a_wal_that_is_gone_are_missed(sample: Sample, tmp_path: Path) -> None:
    """Truncated or deleted: what it held is in the users' files already."""
    with credit_trading.open(sample.home) as exchange:
        exchange.as_admin("setup").accounts.deposit("ann", "USD", "1.00")
        exchange.as_admin("setup").accounts.deposit("bob", "USD", "1.00")
        copies = [sample.copied(tmp_path / name) for name in ("kept", "truncated", "deleted")]
    kept, truncated, deleted = copies
    for copy in copies:
        wal = Path(f"{copy.journal}-wal")
        assert wal.stat().st_size
        Path(f"{copy.journal}-shm").unlink()
        if copy is truncated:
            wal.write_bytes(wal.read_bytes()[: wal.stat().st_size // 2])
        elif copy is deleted:
            wal.unlink()
    assert kept.found() == []
    for copy in (truncated, deleted):
        assert named(copy) >= {copy.files["bob"]}


# Whatever it is


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no database" * 1_000),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
        lambda path: path.write_bytes(hashlib.sha512(b"x").digest() * 500),
    ],
    ids=["empty", "text", "truncated", "zeros", "noise"],
)
@pytest.mark.parametrize("which", ["exchange.db", "marketdata.db", "ann", "checkpoint"])
def test_a_file_that_is_no_database_at_all_is_named(sample: Sample, which: str, harm: Callable[[Path], Any]) -> None:
    """Quick and deep; an empty marketdata.db is one that was never finished, and is made anew."""
    path = sample.file("ann") if which == "ann" else sample.home / which
    if which == "checkpoint":
        (path, *_) = sorted((sample.home / "checkpoints").glob("*.checkpoint"))
    harm(path)
    if which == "marketdata.db" and not path.stat().st_size:
        assert sample.found() == []
        return
    name = f"checkpoints/{path.name}" if which == "checkpoint" else path.name
    for deep in (False, True):
        assert name in {finding.file for finding in sample.found(deep=deep)}


def test_what_was_erased_of_a_deleted_user_is_told_and_nothing_wrong(sample: Sample) -> None:
    """A person is erased by taking away the notes on what concerns them; while the user is not deleted, that is damage."""
    with tampering(sample.journal) as connection:
        connection.execute(
            "DELETE FROM command_notes WHERE sequence IN (SELECT sequence FROM journal"
            " WHERE user_a = (SELECT number FROM users WHERE user_id = 'dan'))"
        )
    told = credit_trading.verify_folder(sample.home, deep=True)
    assert told.findings == []
    assert [line.split(" erased")[0] for line in told.notes if "erased" in line] == ["2 notes of deleted users are"]
    with tampering(sample.journal) as connection:
        connection.execute("UPDATE users SET salt = NULL WHERE user_id = 'bob'")
        connection.execute("DELETE FROM command_notes WHERE sequence = 2")
    assert [str(one).split(": ", 1)[1].split(".")[0] for one in sample.found() if one.file == "exchange.db"] == [
        "the note on this row is missing",
        "e-mail, salt or file name is missing",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE balances SET posted = posted + 1",
        "DELETE FROM balances",
        "DELETE FROM active_orders",
        "UPDATE metadata SET event_number = event_number + 1",
        "UPDATE metadata SET applied_sequence = applied_sequence + 1",
        "UPDATE metadata SET applied_sequence = applied_sequence + 1000",
        "UPDATE metadata SET applied_hash = zeroblob(32)",
        "UPDATE metadata SET user_number = user_number + 1",
    ],
)
def test_a_quick_look_sees_balances_orders_and_position(sample: Sample, statement: str) -> None:
    with tampering(sample.file("bob")) as connection:
        connection.execute(statement)
    named = {finding.file for finding in sample.found(deep=False)}
    assert named - {"exchange.db"} == {sample.files["bob"]}
    assert ("exchange.db" in named) == ("+ 1000" in statement), (
        "which of the two is right, if one is ahead of the other?"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET payload = payload || ' ' WHERE sequence = 20",
        "UPDATE journal SET previous_a = previous_a - 1 WHERE sequence = 28",
        "DELETE FROM journal WHERE sequence = 20",
        "UPDATE command_notes SET actor = 'admin:nobody' WHERE sequence = 12",
        "INSERT INTO command_notes (sequence, actor) VALUES (99, 'admin:nobody')",
        "DROP INDEX journal_money_causes",
        "UPDATE users SET file_name = 'trading_bob_x.db' WHERE user_id = 'bob'",
        "DELETE FROM users WHERE user_id = 'bob'",
    ],
)
def test_a_quick_look_sees_the_end_of_the_journal_and_the_catalogue(sample: Sample, statement: str) -> None:
    """The last thousand rows, which here are all."""
    with tampering(sample.journal) as connection:
        connection.execute(statement)
    assert "exchange.db" in {finding.file for finding in sample.found(deep=False)}
