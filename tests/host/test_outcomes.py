"""What becomes of requests: the journal says it, also where the host's database has lost the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import insert, update

from credit_trading.exchange import commands as cmd
from credit_trading.exchange.rejections import Rejection
from credit_trading.host.outwards.seen import moment
from credit_trading.host.request import command_id, end_id
from credit_trading.host.rows import RequestRow
from tests.exchange.market import Market
from tests.exchange.replicas import CREDIT, START_US
from tests.host.journals import TABLES, Derived, written

ANN = 1


@attrs.define
class Requests:
    """An exchange that has carried out requests of a host."""

    market: Market = attrs.Factory(lambda: Market("ann", "bob", cash="10.00", credits=20))
    reapplied: list[str] = attrs.Factory(list)
    can_reapply: bool = True

    def deposit(self, request_id: str, amount: int = 5) -> None:
        self.market.send(cmd.Deposit(ANN, CREDIT, amount), command_id=command_id(request_id))

    def withdraw(self, request_id: str, amount: int = 5) -> int:
        """The number of the transaction that holds it."""
        command = cmd.EnterTransaction(ANN, "withdrawal", CREDIT, amount, pending=True, guarded=True)
        self.market.send(command, command_id=command_id(request_id))
        return self.market.live.sequence

    def end(self, request_id: str, transaction: int, status: str) -> None:
        command = cmd.UpdateTransaction(ANN, transaction, status, guarded=True)
        self.market.send(command, command_id=end_id(request_id))

    @contextmanager
    def shown(self, home: Path, *rows: Mapping[str, object], batch: int = 1_000) -> Iterator[Derived]:
        """In tables that have these rows of requests."""
        with written(self.market, home) as live, Derived.of(live) as derived:
            for row in rows:
                derived.connection.execute(insert(TABLES.requests).values({"kind": "deposit", "user_id": "ann", **row}))
            derived.bring_forward(batch, reapply=self._reapply)
            yield derived

    def _reapply(self, row: RequestRow) -> bool:
        self.reapplied.append(f"{row['kind']} {row['user_id']} {row['amount']} {row['asset']}")
        return self.can_reapply


def _row(derived: Derived, request_id: str) -> dict[str, Any]:
    return next(row for row in derived.rows("requests") if row["id"] == request_id)


def _told(derived: Derived, request_id: str) -> tuple[Any, ...]:
    row = _row(derived, request_id)
    return row["status"], row["sequence"], row["transaction_id"], row["code"]


@pytest.mark.parametrize("batch", [1, 1_000])
def test_requests_that_the_host_remembers_get_their_outcome_and_keep_all_else(tmp_path: Path, batch: int) -> None:
    """In one batch as in many; whatever status a late worker has written before."""
    requests = Requests()
    requests.deposit("d1")
    done = requests.market.live.sequence
    held = requests.withdraw("w1")
    settled, released, open_ = requests.withdraw("w2"), requests.withdraw("w3"), requests.withdraw("w4", 1)
    requests.end("w2", settled, "settled")
    settled_at = requests.market.live.sequence
    requests.end("w3", released, "failed")
    released_at = requests.market.live.sequence
    requests.withdraw("w5", 10**6)
    refused = requests.market.live.sequence
    requests.end("w4", open_, "settled")
    rows: list[Mapping[str, object]] = [
        {"id": "d1", "note": "for ann", "amount": "5", "status": "set_aside", "code": "old", "sentence": "old"},
        *[{"id": f"w{number}", "kind": "withdrawal", "amount": "5", "actor": "bob"} for number in (1, 3, 5)],
        *[{"id": f"w{number}", "kind": "withdrawal", "amount": "5", "decision": "confirm"} for number in (2, 4)],
    ]
    with requests.shown(tmp_path / "trading", *rows, batch=batch) as derived:
        assert _told(derived, "d1") == ("done", done, None, None)
        assert _row(derived, "d1")["note"] == "for ann"
        assert _row(derived, "d1")["sentence"] is None
        assert _row(derived, "d1")["updated_at"] == moment(START_US)
        assert _told(derived, "w1") == ("held", held, held, None)
        assert _row(derived, "w1")["actor"] == "bob"
        assert _told(derived, "w2") == ("done", settled_at, settled, None)
        assert _told(derived, "w3") == ("released", released_at, released, None)
        assert _told(derived, "w5") == ("refused", refused, None, "insufficient_funds")
        assert _row(derived, "w5")["sentence"] == Rejection.INSUFFICIENT_FUNDS.sentence
        assert [row["id"] for changes in derived.changes for row in changes.requests if row["status"] == "refused"] == [
            "w5"
        ]
    assert requests.reapplied == []


def test_rows_that_an_older_copy_does_not_have_are_back_and_the_hosts_side_is_done_again_once(tmp_path: Path) -> None:
    """A refused one is not: nothing has happened. What is only held is the host's to decide, as before."""
    requests = Requests()
    requests.deposit("d1", 7)
    held = requests.withdraw("w1")
    settled, released = requests.withdraw("w2", 3), requests.withdraw("w3")
    requests.end("w2", settled, "settled")
    requests.end("w3", released, "failed")
    requests.withdraw("w9", 10**6)
    with requests.shown(tmp_path / "trading") as derived:
        assert {row["id"]: row["status"] for row in derived.rows("requests")} == {
            "d1": "done",
            "w1": "held",
            "w2": "done",
            "w3": "released",
        }
        row = _row(derived, "d1")
        assert (row["kind"], row["user_id"], row["asset"], row["amount"], row["reapply"]) == (
            *("deposit", "ann", CREDIT, "7"),
            False,
        )
        assert _row(derived, "w1")["transaction_id"] == held
        assert _row(derived, "w2")["kind"] == "withdrawal"
    assert requests.reapplied == [f"deposit ann 7 {CREDIT}", f"withdrawal ann 3 {CREDIT}"]


def test_a_withdrawal_that_was_settled_without_the_hosts_decision_is_done_again_there(tmp_path: Path) -> None:
    """The copy that was put back had it as held: its credit to the host's side is lost, and its row is not."""
    requests = Requests(can_reapply=False)
    settled = requests.withdraw("w1", 3)
    requests.end("w1", settled, "settled")
    row = {"id": "w1", "kind": "withdrawal", "asset": CREDIT, "amount": "3", "status": "held"}
    with requests.shown(tmp_path / "trading", row) as derived:
        assert _told(derived, "w1")[0] == "done"
        assert _row(derived, "w1")["reapply"], "what the host could not do stays marked"
    assert requests.reapplied == [f"withdrawal ann 3 {CREDIT}"]


def test_who_was_too_late_to_end_a_withdrawal_changes_nothing(tmp_path: Path) -> None:
    requests = Requests()
    settled = requests.withdraw("w1", 3)
    requests.end("w1", settled, "failed")
    released_at = requests.market.live.sequence
    requests.market.send(
        cmd.UpdateTransaction(ANN, settled, "settled", guarded=True), command_id=end_id("w1") + "/again"
    )
    requests.market.send(cmd.UpdateTransaction(ANN, settled, "settled", guarded=True), command_id=end_id("w2"))
    row = {"id": "w1", "kind": "withdrawal", "amount": "3", "decision": "confirm"}
    with requests.shown(tmp_path / "trading", row, {"id": "w2", "status": "held"}) as derived:
        assert _told(derived, "w1") == ("released", released_at, settled, None)
        assert _told(derived, "w2") == ("held", None, None, None)


def test_a_withdrawal_is_its_requests_whoever_ends_it(tmp_path: Path) -> None:
    """By what it is, not by what the command was called."""
    requests = Requests()
    command = cmd.EnterTransaction(ANN, "withdrawal", CREDIT, 3, pending=True)
    requests.market.send(command, command_id=command_id("w1"))
    held = requests.market.live.sequence
    requests.market.send(cmd.UpdateTransaction(ANN, held, "cancelled"), command_id="admin/id/1")
    with requests.shown(tmp_path / "trading", {"id": "w1", "kind": "withdrawal", "amount": "3"}) as derived:
        assert _told(derived, "w1") == ("released", held + 1, held, None)


def test_what_is_final_already_is_left_as_it_is(tmp_path: Path) -> None:
    """Tables that begin anew beside requests that stayed: no second time on the host's side."""
    requests = Requests()
    requests.deposit("d1")
    row = {"id": "d1", "status": "done", "sequence": requests.market.live.sequence, "code": "kept"}
    with requests.shown(tmp_path / "trading", row) as derived:
        assert _told(derived, "d1")[-1] == "kept"
        assert [changes.requests for changes in derived.changes] == [[]]
        derived.connection.execute(update(TABLES.requests).values(code=None))
    assert requests.reapplied == []
