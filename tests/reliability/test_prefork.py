"""A real pre-forking server: its master opens the exchange and forks workers, which are killed, forked again and reloaded."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

from credit_trading import SystemClock
from credit_trading.journal.log import FILE_NAME
from tests.floor import Floor, opened, rows_of

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gunicorn") is None, reason="gunicorn is not installed: pip install -e '.[test]'"
)

WORKERS = 3
ORDERS = 40
"""Of each client."""
USERS = ["ann", "bob", "cat"]

_SERVED = """
import json, os
import credit_trading

exchange = credit_trading.open(os.environ["SERVED_FOLDER"])  # in the master, before it forks
exchange.as_user("ann").orders.get_active_orders()

def application(environ, start_response):
    user, side, name = environ["PATH_INFO"].strip("/").split("/")
    own = exchange.as_user(user)
    report = own.orders.create_order("VCS-1340-2020/USD", side, 1, "5.00", client_order_id=name)
    seen = own.orders.get_order(client_order_id=name)
    unnamed = own.orders.create_order("VCS-1340-2020/USD", side, 1, "4.00" if side == "buy" else "6.00")
    answer = {"pid": os.getpid(), "order": report.order_id, "seen": seen.order_id, "unnamed": unnamed.order_id}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
"""


class _Connection(http.client.HTTPConnection):
    """To a socket in a folder."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


@attrs.define
class Server:
    """The master, and what its workers answer."""

    master: subprocess.Popen[bytes]
    socket: Path
    log: Path
    pids: set[int] = attrs.Factory(set)
    """Of the workers that have answered."""

    def ask(self, path: str) -> dict[str, Any]:
        """Asked again, for half a minute, where the worker was killed before it answered: the order's name makes that safe."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self._ask(path)
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.02)

    def _ask(self, path: str) -> dict[str, Any]:
        connection = _Connection(self.socket)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, (body, self.log.read_text())
            answer: dict[str, Any] = json.loads(body)
            self.pids.add(answer["pid"])
            return answer
        finally:
            connection.close()

    def signal(self, number: signal.Signals) -> None:
        self.master.send_signal(number)


@pytest.fixture
def served(home: Path) -> Path:
    """A folder with three funded users, on the real clock."""
    with opened(home, clock=SystemClock()) as exchange:
        Floor(exchange).set_up(*USERS)
    return home


@pytest.fixture
def server(served: Path, tmp_path: Path) -> Iterator[Server]:
    """Started, and answering; in the end it is gone, with its workers."""
    (tmp_path / "served.py").write_text(_SERVED)
    log = tmp_path / "log"
    with tempfile.TemporaryDirectory() as short:  # a socket's name may have a hundred characters
        place = Path(short) / "socket"
        command = [sys.executable, "-m", "gunicorn", "served:application", "--preload", "--no-control-socket"]
        command += ["--workers", str(WORKERS), "--worker-class", "sync", "--graceful-timeout", "10"]
        command += ["--bind", f"unix:{place}", "--pythonpath", str(tmp_path), "--log-file", str(log)]
        with subprocess.Popen(command, env=os.environ | {"SERVED_FOLDER": str(served)}) as master:
            server = Server(master, place, log)
            try:
                server.ask("/ann/buy/first")
                yield server
            finally:
                server.signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    master.wait(30)
                master.kill()


def _in_threads(work: Callable[[str], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(user,)) for user in USERS]
    for thread in threads:
        thread.start()
    return threads


def test_a_preforking_server_trades_while_its_workers_are_killed_forked_again_and_reloaded(
    server: Server, served: Path
) -> None:
    """Every order that was answered is there once, in the journal and in its owner's file; nothing is wrong afterwards."""
    answers: dict[str, dict[str, Any]] = {}

    def trade(user: str) -> None:
        for number in range(ORDERS):
            name, side = f"{user}-{number}", "sell" if user == "bob" else "buy"
            answers[name] = server.ask(f"/{user}/{side}/{name}")

    clients = _in_threads(trade)
    for kill in range(4):
        _wait_for(lambda so_far=ORDERS * (kill + 1) // 2: len(answers) >= so_far)  # type: ignore[misc]
        with suppress(ProcessLookupError):
            os.kill(answers[list(answers)[-1]]["pid"], signal.SIGKILL)
    before_reload = set(server.pids)
    server.signal(signal.SIGHUP)
    for client in clients:
        client.join(60)
    assert not any(client.is_alive() for client in clients)
    _wait_for(lambda: server.ask("/cat/buy/after-reload")["pid"] not in before_reload)
    assert len(server.pids) > WORKERS
    assert server.master.pid not in server.pids
    server.signal(signal.SIGTERM)
    assert server.master.wait(30) == 0, server.log.read_text()
    _check(served, answers)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


def _check(served: Path, answers: dict[str, dict[str, Any]]) -> None:
    assert len(answers) == len(USERS) * ORDERS
    assert all(answer["seen"] == answer["order"] for answer in answers.values())
    causes = Counter(
        cause for (cause,) in rows_of(served / FILE_NAME, "SELECT cause FROM journal WHERE content IS NOT NULL")
    )
    floor = Floor(opened(served, clock=SystemClock()))
    with floor.exchange:
        assert floor.findings() == []
        numbers = dict(rows_of(served / FILE_NAME, "SELECT user_id, number FROM users"))
        for user in USERS:
            own = floor.user(user).orders
            orders = Counter(order.client_order_id for order in [*own.get_active_orders(), *own.get_order_history()])
            for name in (name for name in answers if name.startswith(user)):
                assert causes[f"user{numbers[user]}/order/{name}"] == 1
                assert orders[name] == 1
    orders_of_all = [answer[kind] for answer in answers.values() for kind in ("order", "unnamed")]
    assert len(set(orders_of_all)) == len(orders_of_all)
