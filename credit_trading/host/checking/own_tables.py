"""The host's own record of balances on the exchange against the journal.

Here: what an adapter tells of its own tables, row by row. Never here: our tables (comparing).
Always: nothing of the host's own is changed here; an adapter that tells of no own record has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs
from sqlalchemy import Connection

from credit_trading.host import keyed
from credit_trading.host.adapter import Adapter, OwnBalance
from credit_trading.host.checking import comparing
from credit_trading.host.checking.comparing import Sight, end_of, keys_beyond
from credit_trading.host.checking.difference import Difference, DifferenceKind
from credit_trading.host.checking.expected import OWN_SEEN, Expected
from credit_trading.host.checking.walk import Walk

WHERE = "own table"
"""Whatever the host calls it."""


@attrs.frozen
class OwnDeviation:
    """What the record should say."""

    balance: OwnBalance
    told: Difference


OwnHandle = Callable[[Any, list[OwnDeviation]], int]
"""Told of a page's deviations within its transaction, with the adapter's connection. Says how many it changed."""


def check_own(walk: Walk, adapter: Adapter, expected: Expected, handle: OwnHandle) -> int:
    """Each of the host's balances, then those that it lacks; how many were changed. One that has moved meanwhile is not called missing."""
    if getattr(type(adapter), "own_balances", Adapter.own_balances) is Adapter.own_balances:
        return 0
    begun, changed = expected.position.sequence, 0
    after: tuple[str, str] | None = None
    while True:
        page, of_page = walk.tried(_turning(adapter, expected, handle, after))
        changed += of_page
        if len(page) < comparing.ROWS_AT_ONCE:
            break
        after = page[-1].user_id, page[-1].asset

    def look_for_missing(connection: Any, sight: Sight) -> int:
        return sum(handle(connection, some) for some in _missing(adapter, sight, expected, begun))

    return changed + walk.tried(look_for_missing)


def _turning(
    adapter: Adapter, expected: Expected, handle: OwnHandle, after: tuple[str, str] | None
) -> Callable[[Any, Sight], tuple[Sequence[OwnBalance], int]]:
    """Looks at the host's balances beyond that one."""

    def look(connection: Any, sight: Sight) -> tuple[Sequence[OwnBalance], int]:
        page = adapter.own_balances(connection, after, comparing.ROWS_AT_ONCE)
        _mark(page, sight.expected)
        return page, handle(connection, list(_differing(page, sight, expected)))

    return look


def _differing(page: Sequence[OwnBalance], sight: Sight, expected: Expected) -> Iterator[OwnDeviation]:
    keys = [(one.user_id, one.asset) for one in page]
    wanted = keyed.find(sight.expected, expected.tables.balances, keys, by="user_id")
    for one, key in zip(page, keys, strict=True):
        posted = wanted[key]["posted"] if key in wanted else "0"
        if not _is_same(posted, one.posted):
            yield _deviation(key, posted, one.posted)


def _missing(adapter: Adapter, sight: Sight, expected: Expected, begun: int) -> Iterator[list[OwnDeviation]]:
    """Of those balances that nothing has touched since the host's record was begun to be read."""
    balances = expected.tables.balances
    after, more = None, True
    while more:
        keys = keys_beyond(sight.expected, balances, after)
        rows = keyed.find(sight.expected, balances, keys, by="user_id")
        seen = keyed.find(sight.expected, OWN_SEEN, keys, by="user_id")
        yield [
            _deviation(key, row["posted"], None)
            for key, row in rows.items()
            if row["posted_units"]
            and row["sequence"] <= begun
            and key not in seen
            and adapter.keeps(row["user_id"], row["asset"], row["project_id"])
        ]
        after = end_of(keys)
        more = after is not None


def _mark(page: Sequence[OwnBalance], scratch: Connection) -> None:
    keys = {(one.user_id, one.asset) for one in page}
    known = keyed.find(scratch, OWN_SEEN, keys, by="user_id")
    keyed.add(
        scratch,
        OWN_SEEN,
        [{"user_id": user, "asset": asset} for user, asset in keys if (user, asset) not in known],
    )


def _deviation(key: tuple[str, str], posted: str, found: str | None) -> OwnDeviation:
    told = Difference(
        kind=DifferenceKind.OWN_TABLE,
        table=WHERE,
        key=" ".join(key),
        column="posted",
        expected=posted,
        found="nothing" if found is None else found,
    )
    return OwnDeviation(OwnBalance(*key, posted), told)


def _is_same(one: str, other: object) -> bool:
    try:
        return Decimal(one) == Decimal(str(other))
    except InvalidOperation:
        return False
