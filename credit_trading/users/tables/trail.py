"""Questions to the audit trail of a user's file.

Here: the SQL that reads it, each question on an index. Never here: what writes it (audit), words and times from outside (trading/audit).
Always: the latest first, by sequence. Time never falls along it, so a range of dates is a range of sequences, found by halving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import merge
from itertools import islice
from types import MappingProxyType
from typing import Any

import attrs
import msgspec

from credit_trading.store.sqlite import Connection

COLUMNS = (
    "sequence",
    "event_number",
    "event_date",
    "kind",
    "cause",
    "actor",
    "origin",
    "correlation_id",
    "order_id",
    "details",
    "changes",
)

REJECTED = ("order_rejected", "command_rejected")
"""The kinds of events by which something was refused."""

_TEXTS = ("details", "changes", "cause", "actor", "origin", "correlation_id")
_CONTAINS = " OR ".join([f"{column} LIKE :text ESCAPE '\\'" for column in _TEXTS])
_REST = f"""
    sequence >= :first AND sequence < :before
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
    AND (:causes IS NULL OR cause IN (SELECT value FROM json_each(:causes)))
    AND (:actor IS NULL OR actor = :actor)
    AND (:origin IS NULL OR origin = :origin)
    AND (:correlation_id IS NULL OR correlation_id = :correlation_id)
    AND (:order_id IS NULL OR order_id = :order_id)
    AND (:text IS NULL OR {_CONTAINS})
ORDER BY sequence DESC LIMIT :most"""
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM audit_trail"

QUESTIONS = MappingProxyType(
    {
        "causes": f"{_SELECT} INDEXED BY audit_by_cause WHERE cause = :value AND {_REST}",
        "correlation_id": f"{_SELECT} INDEXED BY audit_by_correlation WHERE correlation_id = :value AND {_REST}",
        "order_id": f"{_SELECT} INDEXED BY audit_by_order WHERE order_id = :value AND {_REST}",
        "origin": f"{_SELECT} INDEXED BY audit_by_origin WHERE origin = :value AND {_REST}",
        "kinds": f"{_SELECT} INDEXED BY audit_by_kind WHERE kind = :value AND {_REST}",
        "actor": f"{_SELECT} INDEXED BY audit_by_actor WHERE actor = :value AND {_REST}",
        "": f"{_SELECT} NOT INDEXED WHERE {_REST}",
    }
)
"""By what leads to the rows: of what is asked for, the first in this order; the rest is looked at row by row. Without any, the range of
sequences is read."""

Row = tuple[Any, ...]


@attrs.frozen(kw_only=True)
class Wanted:
    """Which events: those that are all of what is given. `kinds` and `causes` are one of these each; `text` stands somewhere in the row.

    From `from_us` on, and before `to_us`.
    """

    from_us: int | None = None
    to_us: int | None = None
    kinds: Sequence[str] = ()
    causes: Sequence[str] = ()
    actor: str | None = None
    origin: str | None = None
    correlation_id: str | None = None
    order_id: int | None = None
    text: str | None = None


def events(connection: Connection, wanted: Wanted, *, before: int | None, most: int) -> list[Row]:
    """Rows as `COLUMNS` has them, the latest first, of sequences below `before`; of several kinds or causes each is read, and merged."""
    leading, values, parameters = question(wanted)
    parameters["first"] = 0 if wanted.from_us is None else first_at(connection, wanted.from_us)
    end = None if wanted.to_us is None else first_at(connection, wanted.to_us)
    parameters["before"] = min(_BEYOND if limit is None else limit for limit in (before, end))
    found = [
        connection.execute(QUESTIONS[leading], {**parameters, "value": value, "most": most}).fetchall()
        for value in values
    ]
    return list(islice(merge(*found, key=lambda row: -row[0]), most))


def question(wanted: Wanted) -> tuple[str, Sequence[object], dict[str, object]]:
    """Which of `QUESTIONS`, for which values of what leads, and with which parameters for the rest."""
    given: dict[str, Sequence[object]] = {
        "causes": list(dict.fromkeys(wanted.causes)),
        "kinds": list(dict.fromkeys(wanted.kinds)),
        **{name: _as_list(getattr(wanted, name)) for name in ("correlation_id", "order_id", "origin", "actor")},
    }
    leading = next((name for name in QUESTIONS if given.get(name)), "")
    parameters: dict[str, object] = {
        name: _as_json(values) if name in _LISTS else (values[0] if values else None)
        for name, values in (given | {leading: ()}).items()
        if name
    }
    text = wanted.text
    parameters["text"] = None if text is None else f"%{_escaped(text)}%"
    return leading, given.get(leading) or [None], parameters


def event(connection: Connection, sequence: int) -> Row | None:
    """The row of that sequence, if it is one of the user's."""
    row: Row | None = connection.execute(f"{_SELECT} WHERE sequence = ?", (sequence,)).fetchone()
    return row


def first_at(connection: Connection, moment_us: int) -> int:
    """The first sequence of the user's whose event is not before that moment; one beyond the last if there is none."""
    low, high = 0, connection.execute("SELECT coalesce(max(sequence), 0) + 1 FROM audit_trail").fetchone()[0]
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "SELECT sequence, event_date FROM audit_trail WHERE sequence >= ? ORDER BY sequence LIMIT 1", (middle,)
        ).fetchone()
        if row is None or row[1] >= moment_us:
            high = middle
        else:
            low = row[0] + 1
    return int(low)


def sequences(connection: Connection, wanted: Wanted, *, before: int, most: int) -> list[int]:
    """Only where they are, likewise."""
    return [row[0] for row in events(connection, wanted, before=before, most=most)]


def changes_at(connection: Connection, wanted: Sequence[int]) -> Mapping[int, str]:
    """What these events changed of the user's, by sequence; those that changed nothing are left out."""
    found = connection.execute(
        "SELECT sequence, changes FROM audit_trail WHERE sequence IN (SELECT value FROM json_each(?))"
        " AND changes IS NOT NULL",
        (_as_json(wanted),),
    )
    return dict(found)


_BEYOND = 2**63 - 1
_LISTS = ("causes", "kinds")


def _as_list(value: object) -> list[object]:
    return [] if value is None else [value]


def _as_json(values: Sequence[object]) -> str | None:
    return msgspec.json.encode(values).decode() if values else None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
