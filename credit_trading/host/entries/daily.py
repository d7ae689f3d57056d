"""How much of what happened on which day: what the activity log adds up to.

Here: counting entries, and how two counts are added. Never here: rows in a database (batch), questions (activity).
Always: the day is the entry's own, in UTC; counts and sums only grow, and one that would not fit the column stays at the largest number.
So they are the same in whatever portions entries were counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from credit_trading.checks import LARGEST
from credit_trading.host.rows import ActivityRow, DailyRow

DailyKey = tuple[date, str, str, str, str, str]
"""Day, type, project, user, asset, currency; '' for what an entry does not have."""

DailyCounts = list[int]
"""Entries, quantity and value, both in smallest units."""


def counts_of(rows: Iterable[ActivityRow]) -> dict[DailyKey, DailyCounts]:
    """The sums of these entries alone, by key."""
    counts: dict[DailyKey, DailyCounts] = {}
    for row in rows:
        key = (
            row["occurred_at"].date(),
            row["type"],
            row["project_id"] or "",
            row["user_id"] or "",
            row["asset"] or "",
            row["currency"] or "",
        )
        known = counts.get(key)
        if known is None:
            counts[key] = [1, row["quantity_units"] or 0, row["value_units"] or 0]
        else:
            known[0] += 1
            known[1] += row["quantity_units"] or 0
            known[2] += row["value_units"] or 0
    return counts


def daily_row(key: DailyKey, counts: DailyCounts, before: DailyRow | None = None) -> DailyRow:
    """The row with these counts added to what stands there."""
    day, type_, project_id, user_id, asset, currency = key
    entries, quantity, value = counts
    if before is not None:
        entries += before["entries"]
        quantity += before["quantity_units"]
        value += before["value_units"]
    return {
        "day": day,
        "type": type_,
        "project_id": project_id,
        "user_id": user_id,
        "asset": asset,
        "currency": currency,
        "entries": entries,
        "quantity_units": min(quantity, LARGEST),
        "value_units": min(value, LARGEST),
    }
