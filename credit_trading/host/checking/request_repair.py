"""One request's row made to say what became of it.

Here: which columns are written, and the host's own side. Never here: finding what deviates (request_check).
Always: what the host alone knows, its decision first of all, stays as it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection

from credit_trading.host import keyed
from credit_trading.host.adapter import Adapter
from credit_trading.host.checking.comparing import Deviation
from credit_trading.host.checking.difference import Difference, DifferenceKind
from credit_trading.host.checking.request_check import must_reapply, outcome_without_journal
from credit_trading.host.keyed import Row
from credit_trading.host.request import RequestStatus
from credit_trading.host.rows import RequestRow

_WRITTEN = ("kind", "user_id", "asset", "amount", "status", "sequence", "transaction_id", "code", "sentence", "reapply")
_STAYS = ("note", "actor", "correlation_id", "decision", "project_id", "created_at", "updated_at")

_OPEN = (DifferenceKind.AHEAD, DifferenceKind.HANGING)
"""What only time or a person can mend."""


def repair_request(
    adapter: Adapter,
    connection: Any,
    host: Connection,
    deviation: Deviation,
    *,
    dry_run: bool,
    anew: bool,
    redo: bool,
) -> tuple[Row | None, list[Difference]]:
    """The row as it is afterwards, or would be; and what of it remains to be done.

    `connection` is the adapter's, `host` the same for our statements. `anew`: what the journal does not know is carried out again.
    `redo`: so is the host's own side of what the journal alone knows. Otherwise the row was there, and somebody has deleted or changed it:
    the host's own side was done with it, or was put back with it, and only a person knows which.
    """
    found = deviation.found
    after = _wanted(deviation, anew=anew)
    if after["reapply"] and after["status"] == RequestStatus.DONE.value and redo and not dry_run:
        after["reapply"] = not adapter.reapply(connection, cast("RequestRow", after))
    changes = tuple(name for name in _WRITTEN if found is None or after[name] != found[name])
    if changes and not dry_run:
        after["updated_at"] = datetime.now(UTC)
        if found is None:
            keyed.add(host, deviation.table, [after])
        else:
            keyed.change(host, deviation.table, [after], (*changes, "updated_at"))
    left = [one for one in deviation.differences if one.kind in _OPEN]
    if after["reapply"]:
        left.append(Difference(kind=DifferenceKind.REAPPLY, table=deviation.table.name, key=after["id"]))
    return (after if changes else found), left


def _wanted(deviation: Deviation, *, anew: bool) -> Row:
    expected, found = deviation.expected, deviation.found
    if expected is None:
        assert found is not None, "a deviation has one of two rows"
        return outcome_without_journal(found, anew=anew)
    if found is None:
        return {**expected, "reapply": must_reapply(expected, None)}
    wanted = {**expected, **{name: found[name] for name in _STAYS}}
    if any(one.column == "status" for one in deviation.differences):
        wanted["reapply"] = found["reapply"] or must_reapply(expected, found)
    else:
        wanted["reapply"] = found["reapply"]
    for name in ("asset", "amount"):
        if name not in {one.column for one in deviation.differences}:
            wanted[name] = found[name]
    return wanted
