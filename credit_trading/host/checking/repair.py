"""The host's tables made what the journal leads to again, row by row.

Here: what is written for each deviation, and the record of it. Never here: finding them (check and what it uses).
Always: nothing is changed but what differs, in the transaction that found it, with both rows in `repairs` and a line in the log; the
host's own tables only if that is asked for. Nothing is changed where what would be written is not proven right itself.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import attrs
from sqlalchemy import Connection, insert, update

from credit_trading.host import keyed, schema
from credit_trading.host import position as positions
from credit_trading.host.adapter import Adapter
from credit_trading.host.checking.comparing import Deviation, Sight
from credit_trading.host.checking.derivation import contradictions
from credit_trading.host.checking.difference import Difference, Differences, key_text, row_json
from credit_trading.host.checking.expected import Expected
from credit_trading.host.checking.own_tables import WHERE, OwnDeviation, check_own
from credit_trading.host.checking.request_repair import repair_request
from credit_trading.host.checking.walk import Walk
from credit_trading.host.connecting.connections import borrowed
from credit_trading.host.tables import Tables
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.tail import head_of
from credit_trading.progress import Progress, no_progress

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class HostRepair:
    """`differences` were found, `changed` rows are repaired (or would be), `left` is what remains for a person to do.

    `untold` is how many more differences there were than `differences` has.
    """

    sequence: int
    differences: list[Difference]
    untold: int
    changed: int
    left: list[Difference]


def repair_host(
    live: LiveReplica,
    adapter: Adapter,
    tables: Tables,
    *,
    actor: str,
    dry_run: bool = False,
    own_tables: bool = False,
    other_history: bool = False,
    progress: Progress = no_progress,
) -> HostRepair:
    """Derives the host's side anew and writes what differs; may be repeated, and interrupted at any moment.

    `other_history`: a position that is not of this journal's history is put to its end, and requests that the journal does not know are
    carried out again. Raises StorageError, FileForeign as `check_host`.
    """
    with Expected.derived(live, tables.prefix) as expected:
        walk = Walk(live, adapter, tables, expected, progress)
        repair = _Repair(
            live,
            adapter,
            tables,
            expected,
            walk,
            actor=actor,
            dry_run=dry_run,
            own_tables=own_tables,
            anew=other_history,
        )
        repair.run(progress)
        return HostRepair(
            sequence=expected.position.sequence,
            differences=repair.found.told,
            untold=repair.found.untold,
            changed=repair.changed,
            left=repair.left.told,
        )


@attrs.define(eq=False)
class _Repair:
    """One run."""

    live: LiveReplica
    adapter: Adapter
    tables: Tables
    expected: Expected
    walk: Walk
    actor: str = attrs.field(kw_only=True)
    dry_run: bool = attrs.field(kw_only=True)
    own_tables: bool = attrs.field(kw_only=True)
    anew: bool = attrs.field(kw_only=True)
    found: Differences = attrs.Factory(Differences)
    left: Differences = attrs.Factory(Differences)
    changed: int = 0
    _is_off: bool = False

    def run(self, progress: Progress) -> None:
        missing = self.walk.missing()
        self.found.add(missing)
        if missing and not self._made(missing):
            return
        is_lost = any(one.table == self.tables.position.name for one in missing)
        position = self.walk.position()
        off = self.walk.off_history(position)
        if off is not None:
            self.found.add([off])
            if not self.anew or off.column == "exchange_id":
                self.left.add([off])
                return
        self.walk.check_ready()
        self._is_off = off is not None
        is_moved = is_lost or self._is_off
        self.expected.bring_to(head_of(self.live) if is_moved else position.sequence, progress)
        wrong = list(contradictions(self.live, self.expected))
        self.found.add(wrong)
        self.left.add(wrong)
        if wrong:
            return
        if is_moved:
            self._put_position()
        self.walk.expect_rows()
        for one in self.walk.passes():
            self.changed += self.walk.go(one, self._handle, off_history=is_moved and self.dry_run)
        if not (is_moved and self.dry_run):
            self.changed += check_own(self.walk, self.adapter, self.expected, self._handle_own)

    def _made(self, missing: list[Difference]) -> bool:
        """Makes the tables; with a dry run they are left, and nothing can be compared."""
        self.changed += len(missing)
        if self.dry_run:
            return False
        with self.live.history() as log:
            exchange_id = log.exchange_id
        with self.walk.transaction() as (_, host):
            schema.init(host, self.tables, exchange_id=exchange_id, head=head_of(self.live))
            for one in missing:
                self._record(host, one.table, one.key, None, None)
        return True

    def _put_position(self) -> None:
        """To the end of the journal, together with the requests: half of it must not be all that is done."""
        self.changed += 1
        if self.dry_run:
            return
        to = self.expected.position
        with self.walk.transaction() as (connection, host):
            before = positions.locked(host, self.tables)
            with self.expected.reading() as scratch:
                sight = Sight(host=host, expected=scratch, sequence=to.sequence)
                for one in self.walk.request_passes():
                    self.changed += self.walk.go_within(connection, sight, one, self._handle)
            row = self.tables.position
            host.execute(
                update(row)
                .where(row.c.only == 1)
                .values(
                    exchange_id=to.exchange_id,
                    sequence=to.sequence,
                    hash=to.hash.hex(),
                    made_at_sequence=0 if self.anew else row.c.made_at_sequence,
                    updated_at=datetime.now(UTC),
                )
            )
            told = [{"sequence": one.sequence, "hash": one.hash.hex()} for one in (before, to)]
            self._record(host, row.name, "1", *told)

    def _handle(self, connection: Any, sight: Sight, deviations: list[Deviation]) -> int:
        changed = 0
        for one in deviations:
            self.found.add(one.differences)
            if one.table is self.tables.requests:
                after, left = repair_request(
                    self.adapter, connection, sight.host, one, dry_run=self.dry_run, anew=self.anew, redo=self._is_off
                )
                self.left.add(left)
            else:
                after = one.expected
                if not self.dry_run:
                    _write(sight.host, one)
            if after == one.found:
                continue
            changed += 1
            if not self.dry_run:
                self._record(sight.host, one.table.name, key_text(one.key), one.found, after)
        return changed

    def _handle_own(self, connection: Any, deviations: list[OwnDeviation]) -> int:
        self.found.add(one.told for one in deviations)
        if not self.own_tables:
            self.left.add(one.told for one in deviations)
            return 0
        for one in () if self.dry_run else deviations:
            self.adapter.set_own_balance(connection, one.balance)
            found, wanted = {"posted": one.told.found}, {"posted": one.balance.posted}
            self._record(borrowed(connection), WHERE, one.told.key, found, wanted)
        return len(deviations)

    def _record(self, host: Connection, table: str, key: str, before: Any, after: Any) -> None:
        told = [None if row is None else row_json(row) for row in (before, after)]
        done = "added" if before is None else "removed" if after is None else "changed"
        _log.warning("host repair by %s: %s was %s", self.actor, f"{table} {key}".strip(), done)
        host.execute(
            insert(self.tables.repairs).values(
                repaired_at=datetime.now(UTC),
                actor=self.actor[:96],
                table_name=table,
                row_key=key,
                before=told[0],
                after=told[1],
            )
        )


def _write(host: Connection, deviation: Deviation) -> None:
    table, expected, found = deviation.table, deviation.expected, deviation.found
    if expected is None:
        assert found is not None, "a deviation has one of two rows"
        keyed.remove(host, table, [found])
    elif found is None:
        keyed.add(host, table, [expected])
    else:
        keyed.change(host, table, [expected], tuple(one.column for one in deviation.differences if one.column))
