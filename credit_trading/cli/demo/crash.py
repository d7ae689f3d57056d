"""Kills a process that is trading, and counts what is left of what it had acknowledged.

Always: an order counts as acknowledged once the parent can read its line; what the child decided and could not tell any more may be
there or not, and is only counted.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import attrs

from credit_trading import Admin
from credit_trading.errors import NotFound, StorageError

Acknowledged = list[tuple[str, int]]
"""User id and order id, in the order of the acknowledgements."""


@attrs.frozen
class Survey:
    """Of the acknowledged orders: how many stand in the journal once, in their owners' files, nowhere, or more than once.

    `unacknowledged` orders were decided, and their process was killed before it could say so.
    """

    acknowledged: int
    in_journal: int
    in_files: int
    lost: int
    doubled: int
    unacknowledged: int

    @property
    def is_clean(self) -> bool:
        return not self.lost and not self.doubled and self.in_journal == self.in_files == self.acknowledged


def kill_in_mid_flow(home: Path, *, seed: int, after: int) -> Acknowledged:
    """Starts a process that trades in `home` and kills it (SIGKILL) once it has acknowledged `after` orders.

    Raises StorageError if it ended by itself before.
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "credit_trading.cli.demo.worker", str(home), str(seed)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            lines = [line for _, line in zip(range(after), child.stdout, strict=False)]
        finally:
            child.kill()
        lines += child.stdout
        complaint = child.stderr.read()
    if child.returncode != -signal.SIGKILL:
        problem = (complaint.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise StorageError("demo", home, f"the trading process ended by itself: {problem}", hint="Run the demo again.")
    return [_parsed(line) for line in lines if line.endswith("\n")]


def survey(admin: Admin, acknowledged: Acknowledged, *, since: int) -> Survey:
    """Looks for every acknowledged order in the journal beyond the sequence `since`, and in its owner's file."""
    journaled = Counter(
        int(str(entry.data["order"])) for entry in admin.journal(after=since) if entry.kind == "order_accepted"
    )
    counts = [journaled[order_id] for _, order_id in acknowledged]
    distinct = {order_id for _, order_id in acknowledged}
    return Survey(
        acknowledged=len(acknowledged),
        in_journal=sum(count == 1 for count in counts),
        in_files=sum(_is_in_file(admin, user_id, order_id) for user_id, order_id in acknowledged),
        lost=sum(count == 0 for count in counts),
        doubled=sum(count > 1 for count in counts) + len(acknowledged) - len(distinct),
        unacknowledged=len(journaled.keys() - distinct),
    )


def _is_in_file(admin: Admin, user_id: str, order_id: int) -> bool:
    try:
        admin.on_behalf_of(user_id).orders.get_order(order_id)
    except NotFound:
        return False
    return True


def _parsed(line: str) -> tuple[str, int]:
    user_id, order_id = line.split()
    return user_id, int(order_id)
