"""Users' files that are not used any more until somebody has looked at them: which, since when, and why.

Here: the list in exchange.db, shared by all processes. Never here: finding out that a file is wrong, or repairing it.
"""

from __future__ import annotations

SCHEMA = """
CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,
    code TEXT NOT NULL,
    problem TEXT NOT NULL
) STRICT;
"""
