"""Whether the host's tables hold what the journal leads to, row by row, while trading and following go on.

Here: what is looked at, in which order, and what is told of it. Never here: changing anything (repair).
Always: memory is bounded but for one replica: the expected tables are a file, and of the differences the first thousand are told.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from credit_trading.host.adapter import Adapter
from credit_trading.host.checking.comparing import Deviation, Sight
from credit_trading.host.checking.derivation import contradictions
from credit_trading.host.checking.difference import Difference, Differences
from credit_trading.host.checking.expected import Expected
from credit_trading.host.checking.own_tables import OwnDeviation, check_own
from credit_trading.host.checking.walk import Walk
from credit_trading.host.tables import Tables
from credit_trading.journal.live import LiveReplica
from credit_trading.progress import Progress, no_progress


@attrs.frozen(kw_only=True)
class HostCheck:
    """`sequence` is where the tables stood at the end, 0 where that is not known; `rows` are how many each table should have.

    `untold` is how many more differences there are than `differences` has.
    """

    sequence: int
    rows: dict[str, int]
    differences: list[Difference]
    untold: int

    @property
    def is_fine(self) -> bool:
        return not self.differences


def check_host(
    live: LiveReplica,
    adapter: Adapter,
    tables: Tables,
    *,
    hanging_s: int,
    progress: Progress = no_progress,
    now: datetime | None = None,
) -> HostCheck:
    """Compares every balance, open order, statistic, activity entry, daily count and request with the journal, and own tables at last.

    Requests that have waited for longer than `hanging_s` by `now` are named. `progress` counts events, then rows. Raises StorageError
    where the database cannot be reached, FileForeign where the position is put somewhere else meanwhile.
    """
    found = Differences()
    waiting_since = (now or datetime.now(UTC)) - timedelta(seconds=hanging_s)

    def told(_: Any, __: Sight, deviations: list[Deviation]) -> int:
        found.add(one for deviation in deviations for one in deviation.differences)
        return 0

    def told_of_own(_: Any, deviations: list[OwnDeviation]) -> int:
        found.add(deviation.told for deviation in deviations)
        return 0

    with Expected.derived(live, tables.prefix) as expected:
        walk = Walk(live, adapter, tables, expected, progress)
        found.add(_derived(walk, expected, progress))
        if not len(found):
            found.add(contradictions(live, expected))
            walk.expect_rows()
            for one in walk.passes(waiting_since=waiting_since):
                walk.go(one, told)
            check_own(walk, adapter, expected, told_of_own)
        sequence = expected.position.sequence
    return HostCheck(sequence=sequence, rows=walk.rows, differences=found.told, untold=found.untold)


def _derived(walk: Walk, expected: Expected, progress: Progress) -> list[Difference]:
    """The expected rows; unless something keeps them from being compared, which is what is returned."""
    missing = walk.missing()
    if missing:
        return missing
    position = walk.position()
    off = walk.off_history(position)
    if off is not None:
        return [off]
    walk.check_ready()
    expected.bring_to(position.sequence, progress)
    return []
