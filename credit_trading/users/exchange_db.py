"""All tables of exchange.db, and how an older one gets them.

Here: which rooms' tables stand in it, and the formats that there were. Never here: the SQL of a table, which stands in its own room.
"""

from __future__ import annotations

from credit_trading.journal import archived, notes, rows
from credit_trading.journal.log import mark_digests
from credit_trading.store.migrations import Migration
from credit_trading.users import catalogue, erasure, private, quarantine

ADDED = catalogue.SCHEMA + quarantine.SCHEMA + private.SCHEMA + erasure.SCHEMA + archived.SCHEMA
"""What stands beside the journal and its notes."""

SCHEMA = rows.SCHEMA + notes.SCHEMA + ADDED

MIGRATIONS = (
    Migration(
        version=2,
        what="digests of notes in the journal; lists of files in quarantine and of those with private facts",
        statements=rows.MIGRATIONS[2] + notes.MIGRATIONS[2] + quarantine.SCHEMA + private.MIGRATIONS[2],
        finish=mark_digests,
    ),
    Migration(
        version=3,
        what="what backups and archives need; keys and counterparties of transactions that happened elsewhere",
        statements=rows.MIGRATIONS[3] + notes.MIGRATIONS[3] + private.MIGRATIONS[3] + erasure.SCHEMA + archived.SCHEMA,
    ),
    Migration(
        version=4,
        what="keys and references of transactions that are entered, and of fills that are reported from outside",
        statements=rows.MIGRATIONS[4],
    ),
)
