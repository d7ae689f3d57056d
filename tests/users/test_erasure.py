"""Of a person who is erased no byte is left, and everything else is as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from credit_trading import Exchange
from credit_trading.errors import InvalidInput, NotFound, StorageError
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.sqlite import connect
from tests.floor import CASH, CREDIT, Floor, edit, rows_of, shared_content

SECRET = b"ann@example.com"
ORIGIN = b"203.0.113.77"
REMARK = b"her mother called"


def _trading(floor: Floor) -> None:
    """Orders from a known origin, a remark of an admin about her alone, and one about a deal of two."""
    floor.exchange.as_user("ann", origin=ORIGIN.decode()).orders.create_order(f"{CREDIT}/{CASH}", "buy", 5, "12.00")
    floor.place("bob", "sell", 3, "12.00")
    floor.admin.accounts.deposit("ann", CASH, "5.00", note=REMARK.decode())
    floor.admin.on_behalf_of("bob").transactions.record_transaction(
        "buy", CREDIT, 1, price_per_credit="9.00", currency=CASH, counterparty="ann", note="by fax"
    )


def _delete(floor: Floor) -> None:
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")


def files_with(folder: Path, *secrets: bytes) -> list[str]:
    """Of all files below, those that hold one of the secrets, or have it in their name."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "exchange.lock":
            content = path.read_bytes()
            if any(secret in content or secret.replace(b"@", b"_").decode() in path.name for secret in secrets):
                found.append(path.name)
    return found


def test_no_byte_of_an_erased_person_is_left_in_the_folder(floor: Floor, reopen: Callable[..., Exchange]) -> None:
    """Neither e-mail, nor origin, nor remark: not in rows, free pages, WALs, kept copies or names of files."""
    _trading(floor)
    edit(floor.path("ann"), "UPDATE balances SET posted = posted + 1")
    assert floor.admin.databases.rebuild("ann").kept is not None
    before = {user: shared_content(floor.path(user)) for user in ("bob", "cat")}
    home = floor.exchange.home
    assert FILE_NAME in "".join(files_with(home, SECRET, ORIGIN, REMARK))
    _delete(floor)
    before["bob"] = shared_content(floor.path("bob"))
    erasure = floor.admin.databases.erase("ann")
    assert erasure.notes >= 2
    assert erasure.files
    assert not erasure.undecided
    assert files_with(home, SECRET, ORIGIN, REMARK) == []
    assert {user: shared_content(floor.path(user)) for user in ("bob", "cat")} == before
    assert floor.findings() == []
    floor.exchange.close()
    again = Floor(reopen())
    assert again.findings() == []
    assert again.admin.databases.rebuild_all().rebuilt == []
    assert files_with(home, SECRET, ORIGIN, REMARK) == []


def test_what_was_said_of_somebody_else_too_is_that_ones_to_keep(floor: Floor) -> None:
    _trading(floor)
    _delete(floor)
    floor.admin.databases.erase("ann")
    kept = rows_of(floor.exchange.home / FILE_NAME, "SELECT note FROM command_notes WHERE note IS NOT NULL")
    assert kept == [("by fax",)]
    assert "by fax" in {one.note for one in floor.user("bob").transactions.get_transaction_history()}


def test_only_who_is_deleted_can_be_erased_and_as_often_as_one_likes(floor: Floor) -> None:
    with pytest.raises(InvalidInput, match="users delete ann"):
        floor.admin.databases.erase("ann")
    with pytest.raises(NotFound):
        floor.admin.databases.erase("nobody")
    _delete(floor)
    floor.admin.databases.erase("ann")
    assert floor.admin.databases.erase("ann").notes == 0
    assert len(rows_of(floor.exchange.home / FILE_NAME, "SELECT * FROM erased_users")) == 1


def test_kept_files_of_others_stay_and_those_that_tell_nothing_are_named(floor: Floor) -> None:
    """`ann_b` has a file whose name begins as ann's does."""
    floor.add("ann_b")
    edit(floor.path("ann_b"), "UPDATE balances SET posted = posted + 1")
    others = floor.admin.databases.rebuild("ann_b").kept
    assert others is not None
    broken = floor.exchange.home / "quarantine" / "trading_ann_x.db~20260101T000000.000000Z.db"
    broken.write_bytes(b"no database at all, but a name like hers")
    _delete(floor)
    erasure = floor.admin.databases.erase("ann")
    assert list(erasure.undecided) == [broken]
    assert others.exists()
    assert broken.exists()


def test_a_reader_that_keeps_the_wal_alive_is_told(floor: Floor) -> None:
    _trading(floor)
    _delete(floor)
    reader = connect(floor.exchange.home / FILE_NAME, mode="ro")
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users").fetchone()
        with pytest.raises(StorageError, match="somebody reads"):
            floor.admin.databases.erase("ann")
    finally:
        reader.close()
    floor.admin.databases.erase("ann")
    assert files_with(floor.exchange.home, SECRET, ORIGIN, REMARK) == []


def test_a_kept_file_of_another_history_goes_by_the_id_in_it(floor: Floor) -> None:
    """The number may have been somebody else's there. What is left of a lost exchange.db is named."""
    edit(floor.path("ann"), "UPDATE balances SET posted = posted + 1")
    kept = floor.admin.databases.rebuild("ann").kept
    assert kept is not None
    edit(kept, "UPDATE metadata SET user_number = 77")
    floor.add("ann_b")
    edit(floor.path("ann_b"), "UPDATE balances SET posted = posted + 1")
    others = floor.admin.databases.rebuild("ann_b").kept
    assert others is not None
    edit(others, "UPDATE metadata SET user_number = 1")
    lost = floor.exchange.home / "quarantine" / "exchange.db~20260101T000000.000000Z.db-wal"
    lost.write_bytes(b"whose notes these are nobody knows")
    _delete(floor)
    erasure = floor.admin.databases.erase("ann")
    assert kept in erasure.files
    assert list(erasure.undecided) == [lost]
    assert others.exists()
