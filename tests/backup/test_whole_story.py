"""The worst week of an operator, in a few seconds: everything that backups are for, one after the other, while somebody trades."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import credit_trading
from credit_trading import Exchange
from credit_trading.backup.archive import Archive
from credit_trading.backup.lost_exchange_db import restore_exchange_db
from credit_trading.backup.restoring import restore
from credit_trading.backup.verification import drill, verify
from credit_trading.clock import SystemClock
from credit_trading.journal.log import FILE_NAME
from credit_trading.users.private_writer import PrivateWriter
from credit_trading.verify.finding import Finding
from tests.floor import CREDIT, Floor, opened, rows_of

TRADERS = ("ann", "bob", "cat", "dan")

_TRADE = """
import sys
import time
import credit_trading
with credit_trading.open(sys.argv[1]) as exchange:
    users = [exchange.as_user(name) for name in sys.argv[2].split(",")]
    number = 0
    while True:
        user, side = users[number % len(users)], ("buy", "sell")[number // len(users) % 2]
        report = user.orders.create_order("VCS-1340-2020/USD", side, 1 + number % 3, "12.00", client_order_id=f"order-{number}")
        print(f"{user.user_id if hasattr(user, 'user_id') else number} order-{number}", flush=True)
        number += 1
        time.sleep(0.005)
"""

_BACK_UP = """
import os, signal, sys
import credit_trading
from credit_trading.store.places import Folder
left, write = int(sys.argv[3]), Folder.write
def counted(self, name, content):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, name, content)
Folder.write = counted
with credit_trading.open(sys.argv[1]) as exchange:
    exchange.as_admin("cron").backups.create(sys.argv[2], "full")
"""


class _Trading:
    """A process that places orders as fast as it can, and what it was acknowledged."""

    def __init__(self, home: Path, told: Path) -> None:
        self._told = told
        with told.open("w") as out:
            self.process = subprocess.Popen([sys.executable, "-c", _TRADE, str(home), ",".join(TRADERS)], stdout=out)

    @property
    def acknowledged(self) -> list[str]:
        lines = self._told.read_text().split("\n")[:-1]
        return [line.split()[1] for line in lines]

    def wait_for(self, more: int) -> None:
        goal = len(self.acknowledged) + more
        while len(self.acknowledged) < goal:
            assert self.process.poll() is None, "the trading process has ended"
            time.sleep(0.01)


@contextmanager
def _trading(home: Path, told: Path) -> Iterator[_Trading]:
    trading = _Trading(home, told)
    try:
        yield trading
    finally:
        trading.process.kill()
        trading.process.wait()


def _deep(home: Path) -> list[Finding]:
    return list(credit_trading.verify_folder(home, deep=True).findings)


def _write_private(exchange: Exchange, user: str, word: str) -> None:
    writer = PrivateWriter(exchange._files, exchange._projector)
    with writer.writing(exchange._desk.user_number(user)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS diary (word TEXT NOT NULL)")
        connection.execute("INSERT INTO diary (word) VALUES (?)", (word,))


def _placed(floor: Floor) -> list[str]:
    """Client order ids as the journal has them."""
    return [str(entry.data["client_order_id"]) for entry in floor.admin.journal() if "client_order_id" in entry.data]


def test_nothing_that_was_acknowledged_is_lost_whatever_the_week_brings(tmp_path: Path) -> None:
    home, place = tmp_path / "trading", tmp_path / "backups"
    with opened(home, clock=SystemClock()) as exchange:
        floor = Floor(exchange).set_up(*TRADERS)
        _write_private(exchange, "ann", "first")
        backups = floor.admin.backups
        with _trading(home, tmp_path / "told") as trading:
            trading.wait_for(10)
            assert backups.create(place).kind == "full"
            for _ in range(3):  # increments, every now and then
                trading.wait_for(20)
                assert backups.create(place).kind == "incremental"
            _write_private(exchange, "ann", "second")
            sets = Archive.at(place).set_ids()

            # A backup is killed in the middle, and the next one goes on with what it has.
            for step in (2, 4):
                ran = subprocess.run([sys.executable, "-c", _BACK_UP, home, place, str(step)], check=False)
                assert ran.returncode == -signal.SIGKILL
                assert Archive.at(place).set_ids() == sets
            created = backups.create(place, "full")
            assert created.skipped == []

            # The drill of the week.
            drilled = drill(Archive.at(place), _deep)
            assert (drilled.set, drilled.findings) == (created.set, [])

            # One user's file is lost, private facts and all; everybody trades on.
            (file,) = home.glob("trading_ann_*.db")
            trading.wait_for(5)
            exchange._files.let_go(exchange._desk.user_number("ann"))
            with file.open("r+b") as broken:
                broken.seek(4096)
                broken.write(os.urandom(4096))
            restored = backups.restore_user(place, "ann")
            assert restored.path == file
            trading.wait_for(5)
            with floor.admin.databases.get_trading_database("ann").conn as connection:
                assert connection.execute("SELECT word FROM diary").fetchall() == [("first",), ("second",)]
            safe = set(trading.acknowledged)
            last = backups.create(place)
            trading.wait_for(20)
        acknowledged = trading.acknowledged
        assert floor.findings() == []
        assert set(acknowledged) <= set(_placed(floor))

    # exchange.db is lost, and what users' files know beyond the last set is kept aside and told.
    for path in home.glob(f"{FILE_NAME}*"):
        path.rename(tmp_path / path.name)
    recovered = restore_exchange_db(Archive.at(place), home)
    assert recovered.sequence == last.sequence
    assert recovered.lost
    assert _deep(home) == []
    with opened(home, clock=SystemClock()) as exchange:
        floor = Floor(exchange)
        assert safe <= set(_placed(floor))
        assert floor.place("ann", "buy", 1, "1.00").order_status == "new"
        assert rows_of(floor.path("ann"), "SELECT word FROM diary") == [("first",), ("second",)]
        newest = floor.admin.backups.create(place)
        total = sum(int(floor.balance(user, CREDIT)) for user in TRADERS)
    assert total == 400_000

    # A pack rots. It is found and named, and the folder comes back all the same: from older copies, or the journal.
    pack = Archive.at(place).manifest(newest.set).packs[0]
    rotten = bytearray((place / pack.name).read_bytes())
    rotten[pack.dictionary_size + 10] ^= 1
    (place / pack.name).write_bytes(rotten)
    found = verify(Archive.at(place), deep=True, check=_deep)
    assert pack.name in {finding.file for finding in found}
    again = restore(Archive.at(place), tmp_path / "restored", check=_deep)
    assert again.findings == []
    assert again.sequence == newest.sequence
    assert any(pack.name in note for note in again.notes)
