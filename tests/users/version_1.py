"""Users' files as version 1 left them, told from those that were rebuilt."""

from __future__ import annotations

from pathlib import Path

from tests.floor import edit
from tests.users.older import make_older


def make_version_1(path: Path) -> None:
    """A remark in each of its rows tells that it is the old file: a rebuilt one cannot have it."""
    make_older(path, 1)
    edit(
        path,
        "UPDATE trading_transactions SET note = 'of version 1'",
        "INSERT INTO column_descriptions VALUES ('balances', 'asset', '', 'of version 1')",
    )
