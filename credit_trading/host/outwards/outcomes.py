"""What became of the host's requests, as the journal tells it.

Here: which event gives a request which status, and rows that an older copy of the host's database does not have. Never here: what cannot
become a command (inward), reading and writing rows (batch).
Always: the journal decides. A request that it has carried out is done on the host's side too, once: with the row that asked for it, or
through `reapply` where that was lost. A row that asks for something else under an id that is used is told so; nothing is done for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from credit_trading.errors import CommandConflict, InvalidInput
from credit_trading.exchange import events as ev
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.rejections import Rejection
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.request import FINAL, Decision, RequestKind, RequestStatus
from credit_trading.host.rows import RequestRow
from credit_trading.money import Asset

COLUMNS = ("status", "sequence", "transaction_id", "code", "sentence", "reapply", "updated_at")
"""What an outcome changes of a row; all else is the host's."""

_SETTLED, _PENDING = TransactionStatus.SETTLED.value, TransactionStatus.PENDING.value

_CONFIRMED_IN_VAIN = (
    "the user has the credits on the exchange, and the host has added them too: take them back on the host's side"
)

Reapply = Callable[[RequestRow], bool]

Carried = ev.Deposited | ev.TransactionEntered
"""By what a request was carried out, or held."""


def answered(seen: Iterable[Seen]) -> set[str]:
    """The ids of the requests that the events are about."""
    return {one.request[0] for one in seen if one.request is not None}


class Outcomes:
    """`rows` by id: those that were found, and those that were lost; `changed` and `lost` are the ids of what is to be written.

    `reapply` does the host's own side again; None does nothing, and is content.
    """

    def __init__(self, found: Mapping[str, RequestRow], names: Names, reapply: Reapply | None) -> None:
        self.rows = dict(found)
        self.changed: set[str] = set()
        self.lost: set[str] = set()
        self._names = names
        self._reapply = reapply

    def apply(self, seen: Seen) -> None:
        """One event."""
        if seen.request is None:
            return
        request_id, is_end = seen.request
        event, row = seen.entry.event, self.rows.get(request_id)
        if isinstance(event, ev.CommandRejected):
            if row is not None and not is_end:  # who was too late to end it has changed nothing
                self._not_moved(seen, row, RequestStatus.REFUSED, event.code)
        elif isinstance(event, ev.Deposited):
            # Of what was refused, or given up, the host has taken its own side back.
            is_lost = row is None or row["status"] == RequestStatus.REFUSED.value
            if row is None or self._is_asked_for(seen, row, event):
                self._carried_out(seen, row or self._found_again(seen, event), is_lost=is_lost)
        elif isinstance(event, ev.TransactionEntered):
            self._entered(seen, event, row)
        elif isinstance(event, ev.TransactionUpdated):
            self._ended(seen, event, row)

    def _entered(self, seen: Seen, event: ev.TransactionEntered, row: RequestRow | None) -> None:
        if row is not None and not self._is_asked_for(seen, row, event):
            return
        row = row or self._found_again(seen, event)
        if not _is_known(row, seen):
            row["transaction_id"] = seen.entry.sequence
            self._set(row, seen, RequestStatus.HELD if event.status == _PENDING else RequestStatus.DONE)

    def _ended(self, seen: Seen, event: ev.TransactionUpdated, row: RequestRow | None) -> None:
        entered = self._names.entered(event.transaction)
        if row is None:
            row = self._found_again(seen, entered)
        elif not _is_held_by(row, event.transaction) and not self._is_asked_for(seen, row, entered):
            return
        row["transaction_id"] = event.transaction
        if event.status == _SETTLED:
            self._carried_out(seen, row, is_lost=row["decision"] != Decision.CONFIRM.value)
        elif not _is_known(row, seen):
            self._not_moved(seen, row, RequestStatus.RELEASED)

    def _not_moved(self, seen: Seen, row: RequestRow, status: RequestStatus, code: str | None = None) -> None:
        """A host that has confirmed all the same has decided on an older copy, or before the exchange was put back: a person mends it."""
        self._set(row, seen, status, code)
        if (row["kind"], row["decision"]) == (RequestKind.WITHDRAWAL.value, Decision.CONFIRM.value):
            row["reapply"], row["sentence"] = True, _CONFIRMED_IN_VAIN

    def _carried_out(self, seen: Seen, row: RequestRow, *, is_lost: bool) -> None:
        """`is_lost`: nothing says that the host has done its own side."""
        if _is_known(row, seen):
            return
        self._set(row, seen, RequestStatus.DONE)
        if is_lost:
            row["reapply"] = self._reapply is not None and not self._reapply(row)

    def _set(self, row: RequestRow, seen: Seen, status: RequestStatus, code: str | None = None) -> None:
        row["status"] = status.value
        row["sequence"] = seen.entry.sequence
        row["code"] = code
        row["sentence"] = None if code is None else Rejection(code).sentence
        row["updated_at"] = seen.at
        self._complete(row)
        self.changed.add(row["id"])

    def _complete(self, row: RequestRow) -> None:
        """For adapters, whose business is easier then; what the host has written stays in its table."""
        asset = self._asset_of(row)
        if asset is None or row["amount"] is None:
            return
        row["asset"], row["project_id"] = asset.code, asset.project_id
        row["amount"] = _exact(asset, row["amount"])

    def _asset_of(self, row: RequestRow) -> Asset | None:
        if row["asset"] is not None:
            return self._names.known_asset(row["asset"])
        return None if row["project_id"] is None else self._names.asset_of_project(row["project_id"])

    def _is_asked_for(self, seen: Seen, row: RequestRow, event: Carried) -> bool:
        """Whether the row asks for what was carried out under its id. If not, it is set aside, unless it is known to be done.

        So it is where an older copy of the host's database was put back and its numbers are given out once more; who has changed a row
        after it was asked for is told the same. Whose credits moved on the host's side, only a person can find out.
        """
        if _is_known(row, seen):
            return True
        asset, user_id = self._names.asset(event.asset), self._names.user_id(event.user)
        amount = asset.format(_units(event))
        is_same = (
            row["kind"] == _kind(event)
            and row["user_id"] in (None, user_id)
            and row["asset"] in (None, event.asset)
            and row["project_id"] in (None, asset.project_id)
            and (row["amount"] is None or _exact(asset, row["amount"]) == amount)
        )
        if is_same:
            row["asset"] = event.asset
            return True
        self._set(row, seen, RequestStatus.SET_ASIDE)
        row["code"], row["reapply"] = CommandConflict.code, True
        row["sentence"] = (
            f"under this id the exchange has carried out another request: {_kind(event)} of {amount} {event.asset}, user {user_id}"
        )
        return False

    def _found_again(self, seen: Seen, event: Carried) -> RequestRow:
        """The row as far as the journal tells it. What the host had remarked stands in the notes, where it is not asked for again."""
        assert seen.request is not None
        request_id, _ = seen.request
        asset = self._names.asset(event.asset)
        self.lost.add(request_id)
        row = self.rows[request_id] = RequestRow(
            id=request_id,
            kind=_kind(event),
            user_id=self._names.user_id(event.user),
            project_id=asset.project_id,
            asset=event.asset,
            amount=asset.format(_units(event)),
            note=None,
            actor=None,
            correlation_id=seen.correlation_id,
            decision=None,
            status=RequestStatus.NEW.value,
            sequence=None,
            transaction_id=None,
            code=None,
            sentence=None,
            reapply=False,
            created_at=seen.at,
            updated_at=None,
        )
        return row


def _is_known(row: RequestRow, seen: Seen) -> bool:
    return row["status"] in FINAL and row["sequence"] == seen.entry.sequence


def _is_held_by(row: RequestRow, transaction: int) -> bool:
    return row["status"] == RequestStatus.HELD.value and row["sequence"] == transaction


def _kind(event: Carried) -> str:
    return (RequestKind.DEPOSIT if isinstance(event, ev.Deposited) else RequestKind.WITHDRAWAL).value


def _units(event: Carried) -> int:
    return event.amount if isinstance(event, ev.Deposited) else event.quantity


def _exact(asset: Asset, amount: str) -> str:
    """With all its decimals; what is no amount stays as it is."""
    try:
        return asset.format(asset.parse(amount))
    except InvalidInput:
        return amount
