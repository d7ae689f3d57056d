"""Segments of the journal that were moved out of exchange.db into an archive, and reading rows there.

Here: which they are and where. Never here: what moves them.
"""

from __future__ import annotations

SCHEMA = """
CREATE TABLE archived_segments (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    hash_before BLOB NOT NULL,
    hash_after BLOB NOT NULL,
    place TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    moved_at INTEGER NOT NULL
) STRICT;
"""
