"""An exchange that has been backed up and has gone on, and private facts to tell files apart by.

Here: making it, copying it, killing it at a step. Never here: what a test expects.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from credit_trading import Exchange
from credit_trading.clock import ManualClock
from credit_trading.store import files
from credit_trading.users.private_writer import PrivateWriter
from tests.floor import Floor, opened, rows_of

ANN, BOB, CAT = 1, 2, 3


class Killed(BaseException):
    """Nothing is done any more after it."""


def write_private(exchange: Exchange, number: int, value: int) -> None:
    with PrivateWriter(exchange._files, exchange._projector).writing(number) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS paper (value INTEGER)")
        connection.execute("DELETE FROM paper")
        connection.execute("INSERT INTO paper VALUES (?)", (value,))


def private_of(path: Path) -> list[Any]:
    """The values of the private table, if there is one."""
    if not rows_of(path, "SELECT 1 FROM sqlite_schema WHERE name = 'paper'"):
        return []
    return [value for (value,) in rows_of(path, "SELECT value FROM paper")]


def live_past(folder: Path, clock: ManualClock) -> None:
    """In `folder`: the exchange `home` and its `archive`, of two sets an hour apart; ann's private value was 1, then 2, and is 3."""
    with opened(folder / "home", clock=clock) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "cat")
        floor.place("ann", "sell", 10, "5.00")
        write_private(exchange, ANN, 1)
        floor.admin.backups.create(folder / "archive")
        clock.advance(3600)
        floor.place("bob", "buy", 4, "5.00")
        write_private(exchange, ANN, 2)
        floor.admin.backups.create(folder / "archive")
        clock.advance(3600)
        floor.place("bob", "buy", 3, "5.00")
        floor.place("ann", "sell", 5, "6.00")
        write_private(exchange, ANN, 3)


def past_in(folder: Path, made: Path) -> Path:
    """A copy of what `live_past` made."""
    shutil.copytree(made, folder / "past")
    return folder / "past"


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[Callable[[], int]]:
    """From the step of that number on, counted from 1, nothing changes the disk through `store.files`; gives how many there were.

    A process that is killed closes nothing and tidies nothing up.
    """
    done = 0

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            done += 1
            if step and done >= step:
                raise Killed
            return real(*arguments, **options)

        return call

    class Os:
        def __getattr__(self, name: str) -> Any:
            real = getattr(os, name)
            return (
                stepping(real) if name in ("rename", "replace", "link", "unlink", "mkdir", "rmdir", "write") else real
            )

    with monkeypatch.context() as patched:
        patched.setattr(files, "os", Os())
        yield lambda: done
