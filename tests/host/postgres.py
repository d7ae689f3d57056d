"""A PostgreSQL server of the test's own: started once per process, thrown away at its end.

Here: what tests do to a server. Never here: the life of one (benchmarks.postgres), what is tested with it.
Always: what was committed survives `crash`.
"""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from benchmarks import postgres

# No test pulls the plug of the machine, so nothing needs to reach the disk; the process may die at any moment.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "16MB",
}


class Postgres(postgres.Postgres):
    """One that can be hurt. Skips the test where PostgreSQL is not installed."""

    def __init__(self) -> None:
        programs = postgres.programs()
        if programs is None:
            pytest.skip("PostgreSQL is not installed here, so nothing is tested on it: apt-get install postgresql")
        super().__init__(programs, settings=_SETTINGS)

    def crash(self) -> None:
        """At once; what was committed is there again after `start`."""
        self.signal(signal.SIGQUIT)
        self.stop()

    def signal(self, number: int) -> None:
        """To the server and all its processes: SIGSTOP makes it answer nobody, SIGCONT goes on."""
        server = int((self.data / "postmaster.pid").read_text().split()[0])
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(server)], capture_output=True, text=True, check=False
        )
        sessions = [int(pid) for pid in listed.stdout.split()] if number != signal.SIGQUIT else []
        for pid in (server, *sessions):
            os.kill(pid, number)

    def start_again(self) -> None:
        """If it does not run."""
        if not self.is_running:
            self.start()
