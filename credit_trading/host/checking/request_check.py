"""The host's requests against the journal: of each, what became of it; and whether it was really carried out.

Here: what deviates, and what such a row should say. Never here: carrying requests out (inward) and changing rows (repair).
Always: what the host alone knows (its decision, notes, times) is not compared. What the journal knows beyond the position of the tables is
no deviation to be repaired: the follower comes to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import attrs
from sqlalchemy import Connection, Table, select

from credit_trading.exchange.events import CommandRejected, Entry, TransactionUpdated
from credit_trading.exchange.rejections import Rejection
from credit_trading.host import keyed
from credit_trading.host.checking import comparing
from credit_trading.host.checking.comparing import Deviation, Page, Sight, end_of, keys_beyond
from credit_trading.host.checking.difference import Difference, DifferenceKind, same_number, shown
from credit_trading.host.keyed import Row
from credit_trading.host.request import FINAL, Decision, RequestKind, RequestStatus, command_id, request_of
from credit_trading.host.tables import Tables
from credit_trading.journal.live import LiveReplica

REFUSED_TYPE = "request_refused"
"""Of the entry in the activity log."""


_CONTENT = ("kind", "user_id", "asset", "amount")
_TOLD = ("status", "sequence", "transaction_id", "code")

_WAITING = (RequestStatus.NEW.value, RequestStatus.HELD.value, RequestStatus.SET_ASIDE.value)
"""For the exchange, the host or a person; what is set aside has left the host's side, and has come nowhere."""
_NO_COMMAND = (RequestStatus.NEW.value, RequestStatus.SET_ASIDE.value)
_NOTHING_MOVED = (RequestStatus.REFUSED.value, RequestStatus.RELEASED.value)


@attrs.frozen
class ExpectedRequests:
    """Looks for each request that the journal has carried out, held or ended."""

    table: Table
    expected: Table

    def page(self, sight: Sight, after: keyed.Key | None) -> Page:
        keys = keys_beyond(sight.expected, self.expected, after)
        wanted = keyed.find(sight.expected, self.expected, keys, by="id")
        found = keyed.find(sight.host, self.table, keys, by="id")
        deviations = []
        for key in keys:
            told = list(self._compared(key[0], wanted[key], found.get(key)))
            if told:
                deviations.append(
                    Deviation(table=self.table, key=key, expected=wanted[key], found=found.get(key), differences=told)
                )
        return Page(deviations=deviations, then=end_of(keys), rows=len(keys))

    def _compared(self, request_id: str, expected: Row, found: Row | None) -> Iterator[Difference]:
        if found is None:
            yield Difference(kind=DifferenceKind.MISSING, table=self.table.name, key=request_id)
            return
        for column in (*_CONTENT, *_TOLD):
            if not _is_same(column, expected, found):
                yield _differs(self.table, request_id, column, expected[column], found[column])


@attrs.frozen
class FoundRequests:
    """Looks at each of the host's requests: that the journal knows what it says, and that it does not wait for too long."""

    table: Table
    expected: Tables
    live: LiveReplica
    waiting_since: datetime | None
    """Who waits since before that is named; None: nobody is."""

    def page(self, sight: Sight, after: keyed.Key | None) -> Page:
        keys = keys_beyond(sight.host, self.table, after)
        known = keyed.find(sight.expected, self.expected.requests, keys, by="id")
        found = keyed.find(sight.host, self.table, keys, by="id")
        deviations = []
        for key, row in found.items():
            deviation = None if key in known else self._unknown(sight, row)
            told = [*(deviation.differences if deviation else ()), *self._waiting(row)]
            if told:
                deviations.append(
                    Deviation(
                        table=self.table,
                        key=key,
                        expected=deviation.expected if deviation else row,
                        found=row,
                        differences=told,
                    )
                )
        return Page(deviations=deviations, then=end_of(keys), rows=0)

    def _unknown(self, sight: Sight, row: Row) -> Deviation | None:
        """One that, by the journal, has moved nothing up to there: it was refused, or there was no command yet."""
        key, status = (row["id"],), row["status"]
        refused = self._refusal(sight.expected, row["id"])
        if refused is not None:
            told = [
                _differs(self.table, row["id"], column, refused[column], row[column])
                for column in ("status", "sequence", "code")
                if refused[column] != row[column]
            ]
            return Deviation(table=self.table, key=key, expected={**row, **refused}, found=row, differences=told)
        if status in _NO_COMMAND or row["kind"] == RequestKind.RETIRE_PROJECT:
            return None
        if status in _NOTHING_MOVED and row["sequence"] is None:  # of a history that was given up
            return None
        is_ahead = comparing.is_ahead(row, sight.sequence) and self._is_known(row)
        told = [
            Difference(
                kind=DifferenceKind.AHEAD if is_ahead else DifferenceKind.UNEXPECTED,
                table=self.table.name,
                key=row["id"],
                column="status",
                expected=None if is_ahead else RequestStatus.NEW.value,
                found=shown(status),
            )
        ]
        return Deviation(table=self.table, key=key, expected=row if is_ahead else None, found=row, differences=told)

    def _refusal(self, expected: Connection, request_id: str) -> Row | None:
        """What its row has to say, if the exchange has refused it. What was refused of its end changes nothing."""
        entries = self.expected.activity
        found = expected.execute(
            select(entries.c.sequence)
            .where(entries.c.request_id == request_id, entries.c.type == REFUSED_TYPE)
            .order_by(entries.c.sequence)
        )
        for (sequence,) in found:
            entry = self._entry(sequence)
            if entry is not None and entry.cause == command_id(request_id) and isinstance(entry.event, CommandRejected):
                code = entry.event.code
                return {
                    "status": RequestStatus.REFUSED.value,
                    "sequence": sequence,
                    "transaction_id": None,
                    "code": code,
                    "sentence": Rejection(code).sentence,
                }
        return None

    def _is_known(self, row: Row) -> bool:
        """Whether the journal has what the row says, further on."""
        entry = self._entry(row["sequence"])
        if entry is None:
            return False
        if isinstance(entry.event, TransactionUpdated):
            entry = self._entry(entry.event.transaction) or entry
        asked = request_of(entry.cause)
        return asked is not None and asked[0] == row["id"]

    def _entry(self, sequence: int) -> Entry | None:
        with self.live.history() as log:
            return log.entry(sequence)

    def _waiting(self, row: Row) -> Iterator[Difference]:
        if row["reapply"]:
            yield Difference(kind=DifferenceKind.REAPPLY, table=self.table.name, key=row["id"])
        if row["status"] in _WAITING and self.waiting_since is not None:
            since = row["updated_at"] or row["created_at"]
            if since < self.waiting_since:
                yield Difference(
                    kind=DifferenceKind.HANGING,
                    table=self.table.name,
                    key=row["id"],
                    found=f"{row['status']} since {shown(since)}",
                )


def outcome_without_journal(found: Row, *, anew: bool) -> Row:
    """What a request is to say that the journal knows nothing of. `anew`: the exchange has forgotten it, and it is carried out again.

    Otherwise somebody has written its status by hand: it waits until it is said to be tried again. What has moved nothing stays so.
    """
    row = {**found, "sequence": None, "transaction_id": None}
    if found["status"] in _NOTHING_MOVED:
        return row
    if anew:
        return {**row, "status": RequestStatus.NEW.value, "code": None, "sentence": None}
    return {
        **row,
        "status": RequestStatus.SET_ASIDE.value,
        "code": "unknown_to_exchange",
        "sentence": f"it was {found['status']} here, and the exchange knows nothing of it",
    }


def must_reapply(expected: Mapping[str, object], found: Mapping[str, object] | None) -> bool:
    """Whether the exchange has carried it out while this database does not have the host's own side of it; or has that, and it has not."""
    if found is None:
        return expected["status"] == RequestStatus.DONE.value
    if expected["kind"] != RequestKind.WITHDRAWAL.value or expected["status"] not in FINAL:
        return False
    return (expected["status"] == RequestStatus.DONE.value) != (found["decision"] == Decision.CONFIRM.value)


def _is_same(column: str, expected: Row, found: Row) -> bool:
    if column == "amount":
        return same_number(expected["amount"], found["amount"])
    if column == "asset" and found["asset"] is None:  # the host may name the project alone
        return bool(found["project_id"] == expected["project_id"])
    return bool(expected[column] == found[column])


def _differs(table: Table, request_id: str, column: str, expected: object, found: object) -> Difference:
    return Difference(
        kind=DifferenceKind.DIFFERS,
        table=table.name,
        key=request_id,
        column=column,
        expected=shown(expected),
        found=shown(found),
    )
