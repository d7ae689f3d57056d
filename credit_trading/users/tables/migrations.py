"""Bringing a user's file from the version that wrote it to this one, without the journal where that can be done.

Here: what changed with each version, and doing all that a file lacks in one transaction with both of its version stamps. Never here: whose
file it is, locks, and making a file anew (projector).
Always: a file that was brought up is to the last row, view and word the one that the journal would give. Where SQL cannot do that the step
has no statements, and the file is made anew. Schema and projection rise together, so that `PRAGMA user_version` tells all of a version.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from credit_trading.store.migrations import version_of
from credit_trading.store.sqlite import Connection, immediate
from credit_trading.users.tables.schema import PROJECTION_VERSION, SCHEMA_VERSION, describe
from credit_trading.users.tables.views import VIEWS


@attrs.frozen(kw_only=True)
class Step:
    """To `version` from the one before it; `what` says in words what changes.

    `statements` is SQL for tables and indices, each statement on lines of its own that end with `;`. None: the rows themselves change, and
    the file is made anew from the journal. Views and descriptions are today's after any step, and have no place here.
    """

    version: int
    what: str
    statements: str | None


STEPS = (
    Step(
        version=2,
        what="stops, icebergs, sessions and trades that were taken back",
        statements=None,
    ),
    Step(
        version=3,
        what="transactions that came in from elsewhere",
        statements="""
ALTER TABLE trading_transactions ADD COLUMN recorded_at INTEGER;
ALTER TABLE trading_transactions ADD COLUMN reference TEXT;
ALTER TABLE trading_transactions ADD COLUMN trade_reference TEXT;
CREATE UNIQUE INDEX transactions_by_reference ON trading_transactions (reference) WHERE reference IS NOT NULL;
""",
    ),
    Step(
        version=4,
        what="balances over time, statistics by day, what each event changed, and transactions that are pending",
        statements=None,
    ),
    Step(
        version=5,
        what="the projects of the host application that credits belong to",
        # Those of older files have none: an asset's project is fixed when it is added, and before there was nothing to fix.
        statements="ALTER TABLE assets ADD COLUMN project_id TEXT;\n",
    ),
)

_VIEWS = {statement.split()[2]: statement.strip() for statement in VIEWS.split(";\n") if statement.strip()}
"""By name."""


def steps_from(version: int) -> Sequence[Step]:
    """What a file of that version lacks, in order."""
    return [step for step in STEPS if step.version > version]


def needs_journal(version: int) -> bool:
    """Whether a file of that version has to be made anew."""
    return any(step.statements is None for step in steps_from(version))


def is_consistent(connection: Connection, projection_version: int) -> bool:
    """Whether both stamps of a file tell the same version: else it is not one that any version of this package has left."""
    return version_of(connection) == projection_version


def bring_up(connection: Connection) -> None:
    """Does all that the file lacks, in one transaction, unless another process just has. Raises sqlite3.Error if its tables are not as
    its version has them; then nothing was changed.
    """
    with immediate(connection):
        version = version_of(connection)
        if version >= SCHEMA_VERSION:
            return
        views = _differing_views(connection)
        for view in views:
            connection.execute(f"DROP VIEW IF EXISTS {view}")
        for step in steps_from(version):
            assert step.statements is not None, f"version {version} is made anew"
            for statement in step.statements.split(";\n"):
                connection.execute(statement)
        for view in views:
            connection.execute(_VIEWS[view])
        connection.execute("DELETE FROM column_descriptions")
        describe(connection)
        connection.execute("UPDATE metadata SET projection_version = ?", (PROJECTION_VERSION,))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _differing_views(connection: Connection) -> list[str]:
    """The names of ours that are not as today: each that is dropped and made costs as much as a column."""
    found = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'view'").fetchall())
    return [name for name, statement in _VIEWS.items() if found.get(name) != statement]
