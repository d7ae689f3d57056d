"""Private facts: what a user's file holds that does not come from the journal, and so cannot be made again from it.

Here: who has any, and how they are written. Never here: what they are.
Always: a user is marked in exchange.db before the first private fact is written, so that a missing file is not taken for one that can
be made anew.
"""

from __future__ import annotations

SCHEMA = """
CREATE TABLE private_facts (
    number INTEGER PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT;
"""
