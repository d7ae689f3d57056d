"""Users of whom every personal word was erased, beyond their deletion.

Here: who they are. Never here: how archives follow.
"""

from __future__ import annotations

SCHEMA = """
CREATE TABLE erased_users (
    number INTEGER PRIMARY KEY,
    erased_at INTEGER NOT NULL
) STRICT;
"""
