"""A PostgreSQL server of one's own, for as long as a process needs it.

Here: finding the programs, and the life of one server. Never here: what is measured or tested on it.
Always: nothing outlives the process that started it, however it ends.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL

_DEBIAN = Path("/usr/lib/postgresql")
_USER = "postgres"
_STARTS_WITHIN_S = 30

_SETTINGS = {
    "max_connections": "60",
    "jit": "off",
    "listen_addresses": "127.0.0.1",
}

_UNTIL_PARENT_ENDS = """
folder=$1; shift
"$@" & server=$!
read -r word
if [ "$word" = keep ]; then kill -INT "$server"; else kill -QUIT "$server"; kill -CONT "$server"; fi
while kill -0 "$server" 2>/dev/null; do wait "$server"; done
[ "$word" = keep ] || rm -rf "$folder"
"""
"""The pipe that it reads from is closed by the kernel if by nobody else; a server that was left stopped ends as well."""


def programs() -> Path | None:
    """The folder with initdb and postgres, of the newest version; None where there is none."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    versions = [folder for folder in _DEBIAN.glob("*") if (folder / "bin" / "initdb").exists()]
    if not versions:
        return None
    return max(versions, key=lambda folder: [int(part) for part in folder.name.split(".")]) / "bin"


class Postgres:
    """One server, on the loopback and on a socket in its folder; a schema for each who asks. Its `settings` go before those here."""

    def __init__(self, programs: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self._programs = programs
        self._settings = {**_SETTINGS, **(settings or {})}
        self._schemas = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._as_root = os.geteuid() == 0  # the server refuses to run as root
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has at most 107 bytes
        self.data = self.folder / "data"
        self.port = _free_port()
        if self._as_root:
            shutil.chown(self.folder, _USER)
        self._initialise()
        self.start()

    def new_url(self, *, tcp: bool = False) -> str:
        """A schema with nothing in it, through the socket or the loopback."""
        schema = f"schema_{next(self._schemas)}"
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
        place = {"host": "127.0.0.1" if tcp else str(self.folder), "port": str(self.port)}
        query = {**place, "options": f"-csearch_path={schema}"}
        url = URL.create("postgresql+psycopg", username=_USER, database="postgres", query=query)
        return url.render_as_string(hide_password=False)

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        server = [str(self._programs / "postgres"), "-D", str(self.data), "-k", str(self.folder), "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _UNTIL_PARENT_ENDS, "sh", str(self.folder), *server, *settings],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # what ends the caller's processes as a group leaves the shell to end the server
                **self._owner,
            )
        until = time.monotonic() + _STARTS_WITHIN_S
        while True:
            try:
                psycopg.connect(self._address).close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text()[-2_000:]
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """As an operator does: open transactions are rolled back, connections end."""
        if self._process is not None:
            assert self._process.stdin is not None
            with suppress(BrokenPipeError), self._process.stdin as pipe:
                pipe.write(b"keep\n")
            self._process.wait(_STARTS_WITHIN_S)
            self._process = None

    @property
    def is_running(self) -> bool:
        """Between `start` and `stop`."""
        return self._process is not None

    def close(self) -> None:
        """Stops it; nothing is left."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _address(self) -> str:
        return f"host={self.folder} port={self.port} user={_USER} dbname=postgres"

    @property
    def _owner(self) -> dict[str, Any]:
        return {"user": _USER, "group": _USER, "extra_groups": [], "cwd": self.folder} if self._as_root else {}

    def _initialise(self) -> None:
        how = ["-U", _USER, "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8"]
        made = subprocess.run(
            [self._programs / "initdb", "-D", self.data, *how],
            capture_output=True,
            text=True,
            check=False,
            **self._owner,
        )
        assert made.returncode == 0, made.stderr


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
