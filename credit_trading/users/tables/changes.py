"""What one event changes for its user, before and after, and where its postings belong.

Here: collecting fields as readable text. Never here: the rows in which they stand (totals, order_rows, transaction_rows), personal values.
Always: a field that an event leaves as it was is not among them.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

_encode = msgspec.json.Encoder().encode

Value = str | int | bool | None


class Booking(NamedTuple):
    """A posting's event, and the transaction that it belongs to with the date of that one; times in microseconds.

    In the order of the columns of `balance_changes`.
    """

    booked_at: int
    sequence: int
    transaction_id: int
    transaction_date: int


class Changes:
    """Of one event at a time; `taken` ends it."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[Value, Value]] = {}

    def add(self, field: str, before: Value, after: Value) -> None:
        """Amounts and times as text: exact decimals, ISO. Of a field that changes twice, the first `before` counts and the last `after`."""
        known = self._fields.get(field)
        self._fields[field] = (before if known is None else known[0], after)

    def taken(self) -> str | None:
        """As JSON, field by field in the order in which they changed; None where nothing did."""
        if not self._fields:
            return None
        fields, self._fields = self._fields, {}
        changed = {field: pair for field, pair in fields.items() if pair[0] != pair[1]}
        return _encode(changed).decode() if changed else None
