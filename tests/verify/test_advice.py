"""What is told of a damaged exchange leads to a sound one: nothing is hidden, nothing helps for ever, no advice spreads a forgery."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import credit_trading
from credit_trading import ManualClock
from credit_trading.verify.erased import Erased
from credit_trading.verify.finding import Finding, Findings
from tests.floor import CASH, opened
from tests.verify.sample import Sample, tampering

FORGED = (
    "UPDATE users SET email = 'mallory@example.com' WHERE user_id = 'bob'",
    "UPDATE users SET email = 'mallory@example.com', file_name = 'trading_bob_mallory_example.com.db' WHERE user_id = 'bob'",
)


@pytest.mark.parametrize("statement", FORGED)
@pytest.mark.parametrize("user", [None, "bob"])
def test_a_forged_row_of_the_catalogue_is_not_written_into_the_users_file(
    sample: Sample, user: str | None, statement: str
) -> None:
    """A file made from that row would hold the forgery: only the row is wrong, and the file was not looked at."""
    with tampering(sample.journal) as connection:
        connection.execute(statement)
    told = credit_trading.verify_folder(sample.home, user_id=user, deep=True)
    assert {(one.file, one.row) for one in told.findings if "follow" not in one.problem} >= {
        ("exchange.db", "users #2 (bob)")
    }
    assert not [one for one in told.findings if "rebuild" in one.repair]
    assert "The file of user bob was not looked at: their row in the catalogue is wrong." in told.notes


@pytest.mark.parametrize("statement", ["CREATE TABLE own (a UNIQUE)", "CREATE VIEW own AS SELECT 1"])
def test_a_table_of_ones_own_is_told_with_what_helps(sample: Sample, statement: str) -> None:
    """Rebuilding keeps it; dropping it ends the finding. In a file with private facts it is nobody's business."""
    for user in ("ann", "bob"):
        with tampering(sample.file(user)) as connection:
            connection.execute(statement)
    (finding,) = sample.found()
    kind = statement.split()[1].lower()
    assert (finding.file, finding.row) == (sample.files["bob"], f"{kind} own")
    assert finding.repair.startswith("Drop it")
    with tampering(sample.file("bob")) as connection:
        connection.execute(f"DROP {kind} own")
    assert sample.found() == []


@pytest.mark.parametrize("statement", ["CREATE INDEX own ON balances (posted)", "DROP VIEW balances_readable"])
def test_what_rebuilding_puts_right_is_put_right_by_it(sample: Sample, statement: str) -> None:
    with tampering(sample.file("bob")) as connection:
        connection.execute(statement)
    (finding,) = sample.found()
    assert finding.repair == "credit-trading rebuild bob"
    with credit_trading.open(sample.home) as exchange:
        assert exchange.as_admin("setup").databases.rebuild("bob").changed
    assert sample.found() == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP VIEW balances_readable",
        "DROP INDEX transactions_by_date",
        "DROP TABLE column_descriptions",
        "ALTER TABLE audit_trail ADD COLUMN more TEXT",
        "CREATE TABLE own (a)",
    ],
)
def test_an_altered_schema_does_not_hide_rows_that_differ(sample: Sample, statement: str) -> None:
    with tampering(sample.file("bob")) as connection:
        connection.execute(statement)
        connection.execute("UPDATE trading_transactions SET quantity = quantity + 1")
    rows = [finding.row or "" for finding in sample.found()]
    assert len(rows) == 2
    assert any("trading_transactions" in row for row in rows)
    assert any(row.split(", ")[-1].split()[0] in ("view", "index", "table") for row in rows)


@pytest.mark.parametrize("name", ["", "checkpoints", "exchange.db", "marketdata.db", "bob"])
@pytest.mark.parametrize("take_away", [0o200, 0o400])
def test_what_its_owner_may_not_read_and_write_is_named(sample: Sample, name: str, take_away: int) -> None:
    """Exactly 0600 and 0700; the command that is told makes it so."""
    if not name and take_away == 0o200 and os.geteuid():
        pytest.skip("nobody but root can open an exchange in a folder that cannot be written to; opening says so")
    path = sample.file("bob") if name == "bob" else sample.home / name
    expected = 0o700 if path.is_dir() else 0o600
    path.chmod(expected & ~take_away)
    found = sample.found(deep=False)
    finding = {one.file: one for one in found}["the folder" if path == sample.home else path.name]
    assert finding.problem == "its owner may not read and write it"
    assert (finding.expected, finding.found) == (f"{expected:04o}", f"{expected & ~take_away:04o}")
    assert finding.repair == f"chmod {expected:o} {path}"
    os.system(finding.repair)
    assert sample.found(deep=False) == []


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_what_stands_beside_a_database_has_its_mode_too(sample: Sample, clock: ManualClock, suffix: str) -> None:
    """While somebody has it open; in a look at everything, and in one at that user."""
    clock.advance(100)
    with opened(sample.home, clock=clock) as exchange:
        exchange.as_admin("setup").accounts.deposit("bob", CASH, "1.00")
        path = Path(f"{sample.file('bob')}{suffix}")
        path.chmod(0o640)
        for user in (None, "bob"):
            found = {one.file: one for one in exchange.as_admin("setup").verify(user).findings}
            assert found[path.name].repair == f"chmod 600 {path}"


@pytest.mark.parametrize("mode", [0o400, 0o644])
@pytest.mark.parametrize("deep", [False, True])
def test_the_mode_of_one_users_file_is_looked_at_with_it(sample: Sample, mode: int, deep: bool) -> None:
    """And nobody else's."""
    for user in ("ann", "bob"):
        sample.file(user).chmod(mode)
    found = {one.file: one for one in sample.found("bob", deep=deep)}
    assert found[sample.files["bob"]].found == f"{mode:04o}"
    assert all(file.startswith(sample.files["bob"]) for file in found)
    os.system(found[sample.files["bob"]].repair)
    assert stat.S_IMODE(sample.file("bob").stat().st_mode) == 0o600
    assert sample.found("bob", deep=deep) == []


def test_what_a_folder_hands_down_is_not_asked_for(sample: Sample) -> None:
    """The setgid bit of a shared parent; chmod 700 would leave it."""
    sample.home.chmod(0o2700)
    assert sample.found(deep=False) == []


def test_amounts_are_told_as_people_write_them(sample: Sample) -> None:
    with tampering(sample.file("bob")) as connection:
        (posted,) = connection.execute("SELECT posted FROM balances WHERE asset = 'USD'").fetchone()
        connection.execute("UPDATE balances SET posted = posted + 1 WHERE asset = 'USD'")
    (finding,) = sample.found(deep=False)
    assert finding.expected is not None
    assert finding.found is not None
    assert finding.expected.split()[0] == f"{posted // 100}.{posted % 100:02d}"
    assert finding.found.split()[0] == f"{(posted + 1) // 100}.{(posted + 1) % 100:02d}"


def test_one_of_them_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    erased = Erased(notes=1, sequences={7})
    assert erased.told()[0].startswith("1 note of a deleted user is erased (sequence 7)")
    monkeypatch.setattr("credit_trading.verify.finding.MOST_FINDINGS", 1)
    found = Findings()
    found.add(Finding(file=name, problem="p", repair="r") for name in "ab")
    assert found.listed()[-1].problem == "1 more was found and is not told here"


@pytest.mark.parametrize("deep", [False, True])
def test_a_broken_chain_says_where_it_stops(sample: Sample, deep: bool) -> None:
    """With no checkpoint beside it there is no state; with one, the quick look has it."""
    with tampering(sample.journal) as connection:
        connection.execute("UPDATE journal SET payload = payload || ' ' WHERE sequence = 12")
    told = credit_trading.verify_folder(sample.home, deep=deep)
    assert told.stopped_at == (12 if deep or not told.state_digest else None)
    for checkpoint in (sample.home / "checkpoints").glob("*"):
        checkpoint.unlink()
    told = credit_trading.verify_folder(sample.home, deep=deep)
    assert (told.stopped_at, told.state_digest) == (12, "")


def test_a_row_that_is_gone_is_where_it_stops(sample: Sample) -> None:
    assert credit_trading.verify_folder(sample.home, deep=True).stopped_at is None
    with tampering(sample.journal) as connection:
        connection.execute("DELETE FROM journal WHERE sequence IN (12, 13)")
    assert credit_trading.verify_folder(sample.home, deep=True).stopped_at == 12
