"""The hosts under real servers on the loopback: forked workers, threads under an event loop, and another process in the same folder."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import credit_trading
from credit_trading import Exchange
from tests.embedding.hosts import PASSWORD, SECRET, bearer
from tests.floor import CASH, CREDIT, SYMBOL

if TYPE_CHECKING:
    import httpx

MISSING = [
    name for name in ("flask", "fastapi", "gunicorn", "httpx", "uvicorn") if importlib.util.find_spec(name) is None
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}; pip install -e '.[test]'")

ROOT = Path(__file__).parent.parent.parent
ORDERS = 12
"""Of each client."""
PATIENCE_S = 30


def order(side: str, price: str = "5.00") -> dict[str, str]:
    return {"symbol": SYMBOL, "side": side, "quantity": "1", "price": price}


def fund(exchange: Exchange, user_id: str) -> None:
    admin = exchange.as_admin("treasury")
    admin.accounts.deposit(user_id, CASH, "1000.00")
    admin.accounts.deposit(user_id, CREDIT, 100)


def client_order_ids(exchange: Exchange, user_id: str) -> list[str]:
    own = exchange.as_user(user_id).orders
    return sorted(order.client_order_id or "" for order in [*own.get_active_orders(), *own.get_order_history()])


@pytest.fixture
def beside(market: Path) -> Iterator[Exchange]:
    """The same folder, opened by this process while servers have it open."""
    with credit_trading.open(market) as exchange:
        yield exchange


# Forked workers


@contextmanager
def gunicorn(market: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The Flask host in two workers that were forked after the exchange was opened; its address, and the log of who answered."""
    log = tmp_path / "access.log"
    listener = socket.create_server(("127.0.0.1", 0))
    command = [sys.executable, "-m", "gunicorn", "examples.flask_host:create_app()", "--preload", "--workers", "2"]
    command += [
        "--bind",
        f"fd://{listener.fileno()}",
        "--access-logfile",
        str(log),
        "--access-logformat",
        "%(p)s %(s)s",
    ]
    command += ["--no-control-socket", "--log-level", "warning"]
    environment = {
        "HOST_SECRET": SECRET,
        "CREDIT_TRADING_HOME": str(market),
        "HOST_PEOPLE": str(tmp_path / "people.db"),
    }
    with (
        listener,
        subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, pass_fds=[listener.fileno()]) as master,
    ):
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", log
            master.send_signal(signal.SIGTERM)
            assert master.wait(PATIENCE_S) == 0
        finally:
            master.kill()


def _workers(log: Path) -> set[str]:
    return set(re.findall(r"^<(\d+)> ", log.read_text(), re.M)) if log.exists() else set()


def test_two_workers_that_were_forked_with_an_open_exchange_place_each_order_once(
    market: Path, tmp_path: Path, beside: Exchange
) -> None:
    """Each is sent twice, perhaps to two workers, while a third process funds them, trades with them and reads."""
    import httpx

    def trade(client: httpx.Client, side: str) -> None:
        for number in range(ORDERS):
            key = {"Idempotency-Key": f"order-{number}"}
            first, again = (client.post("/orders", json=order(side), headers=key) for _ in range(2))
            assert (first.status_code, again.status_code) == (201, 200), (first.text, again.text)
            assert first.json()["order_id"] == again.json()["order_id"]

    with (
        gunicorn(market, tmp_path) as (address, log),
        httpx.Client(base_url=address, timeout=PATIENCE_S) as ann,
        httpx.Client(base_url=address, timeout=PATIENCE_S) as bob,
    ):
        for client, email in ((ann, "ann@example.com"), (bob, "bob@example.com")):
            answer = client.post("/people", json={"email": email, "password": PASSWORD})
            assert answer.status_code == 201, answer.text
            fund(beside, answer.json()["user_id"])
        with ThreadPoolExecutor(2) as clients:
            done = [clients.submit(trade, ann, "buy"), clients.submit(trade, bob, "sell")]
            beside.as_user("1").orders.create_order(SYMBOL, "buy", 1, "1.00", client_order_id="from-beside")
            for one in done:
                one.result()
        deadline = time.monotonic() + PATIENCE_S
        while len(_workers(log)) < 2:
            assert time.monotonic() < deadline, log.read_text()
            assert ann.get("/balances").status_code == 200
    named = sorted(f"order-{number}" for number in range(ORDERS))
    assert client_order_ids(beside, "1") == ["from-beside", *named]
    assert client_order_ids(beside, "2") == named
    assert beside.as_user("2").accounts.get_balances()[1].posted == str(100 - ORDERS)
    assert [one.kind for one in beside.as_admin("auditor").journal()].count("trade") == ORDERS


# Threads under an event loop


@contextmanager
def uvicorn_(market: Path) -> Iterator[str]:
    """The FastAPI host in a thread of this process; its address."""
    import uvicorn

    from examples.fastapi_host import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(home=str(market), secret=SECRET), log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=server.run, args=([listener],))
        serving.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            serving.join(PATIENCE_S)
        assert not serving.is_alive()


def test_many_requests_at_a_time_share_one_exchange_by_threads(market: Path, beside: Exchange) -> None:
    """Each order is sent twice at the same moment: one of them places it, and both get the same answer."""
    import httpx

    async def trade(address: str) -> list[tuple[list[int], set[int]]]:
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S) as client:

            async def place(user_id: str, number: int) -> tuple[list[int], set[int]]:
                headers = tokens[user_id] | {"Idempotency-Key": f"order-{number}"}
                side = "buy" if user_id == "ann" else "sell"
                twice = (client.post("/orders", json=order(side), headers=headers) for _ in range(2))
                answers = await asyncio.gather(*twice)
                return sorted(one.status_code for one in answers), {one.json()["order_id"] for one in answers}

            for user_id, token in tokens.items():
                assert (await client.post("/people", headers=token)).status_code == 201
                await asyncio.to_thread(fund, beside, user_id)
            return await asyncio.gather(*(place(user_id, number) for number in range(ORDERS) for user_id in tokens))

    tokens = {user_id: bearer(user_id, f"{user_id}@example.com") for user_id in ("ann", "bob")}
    with uvicorn_(market) as address:
        placed = asyncio.run(trade(address))
    assert all(statuses == [200, 201] and len(ids) == 1 for statuses, ids in placed), placed
    named = sorted(f"order-{number}" for number in range(ORDERS))
    assert [client_order_ids(beside, user_id) for user_id in tokens] == [named, named]


def test_an_order_that_waits_for_another_process_holds_up_no_other_request(market: Path, beside: Exchange) -> None:
    """The event loop never waits: while somebody else has the turn to write, all that does not write is answered."""
    import httpx

    token = bearer("ann", "ann@example.com")

    async def wait(address: str) -> tuple[bool, int, int]:
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S) as client:
            assert (await client.post("/people", headers=token)).status_code == 201
            await asyncio.to_thread(fund, beside, "ann")
            held, release = threading.Event(), threading.Event()
            holding = asyncio.create_task(asyncio.to_thread(_hold_the_turn, beside, held, release))
            try:
                await asyncio.to_thread(held.wait, PATIENCE_S)
                headers = token | {"Idempotency-Key": "waiting"}
                waiting = asyncio.create_task(client.post("/orders", json=order("buy"), headers=headers))
                await asyncio.sleep(0.2)
                page = await client.get("/openapi.json", timeout=5)
                was_waiting = not waiting.done()
            finally:
                release.set()
                await holding
            return was_waiting, page.status_code, (await waiting).status_code

    with uvicorn_(market) as address:
        assert asyncio.run(wait(address)) == (True, 200, 201)


def _hold_the_turn(exchange: Exchange, held: threading.Event, release: threading.Event) -> None:
    """As another process does that is deciding something large."""
    with exchange._live.turn():
        held.set()
        release.wait(PATIENCE_S)
