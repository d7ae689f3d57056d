"""`admin.host`: an opened exchange and its host's database, also one that is down, hangs or is no database at all."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import credit_trading
from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import FileForeign, InvalidInput, NotFound, StorageError
from credit_trading.host.adapter import Adapter
from credit_trading.host.connecting.engine import EngineAdapter
from tests.floor import CASH, CREDIT, Floor
from tests.host.database import Database

Opened = Callable[[Adapter | str | None], Floor]


@pytest.fixture
def with_host(floor: Floor, home: Path, clock: ManualClock) -> Iterator[Opened]:
    """Opens the floor's exchange once more, with a host; closed in the end."""
    opened: list[Exchange] = []

    def open_with(host: Adapter | str | None, settings: Settings | None = None) -> Floor:
        opened.append(credit_trading.open(home, clock=clock, host=host, settings=settings or Settings()))
        return Floor(opened[-1])

    yield open_with
    for exchange in opened:
        exchange.close()


@pytest.fixture
def hosted(with_host: Opened, database: Database) -> Floor:
    """With our tables in the host's database, and nothing in them yet."""
    floor = with_host(database.url)
    floor.admin.host.init()
    return floor


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Stuck(Adapter):
    """A host's database that answers when it is let to."""

    def __init__(self, url: str) -> None:
        self.go_on, self.inside = threading.Event(), threading.Event()
        self._engine = EngineAdapter(url)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self.inside.set()
        self.go_on.wait(20)
        with self._engine.transaction() as connection:
            yield connection


class Flaky(Adapter):
    """One whose `apply` is refused by a rule of the host's own, so many times."""

    def __init__(self, url: str) -> None:
        self.refusals, self.applied = 0, 0
        self._engine = EngineAdapter(url)

    def transaction(self) -> Any:
        return self._engine.transaction()

    def apply(self, connection: Any, changes: Any) -> None:
        if self.refusals:
            self.refusals -= 1
            raise LookupError("no such customer")
        self.applied += 1


def test_one_round_brings_everything_and_the_next_one_nothing(hosted: Floor, database: Database) -> None:
    first = hosted.admin.host.sync()
    assert (first.events, first.position.sequence) == (hosted.exchange.sequence, hosted.exchange.sequence)
    assert ("ann", CREDIT, "100000") in database.rows("SELECT user_id, asset, posted FROM trading_balances")
    assert hosted.admin.host.sync().events == 0
    assert hosted.admin.host.init() == []


def test_status_tells_of_it_without_the_hosts_database(hosted: Floor, database: Database) -> None:
    """From host.json and the journal alone: the adapter that is asked for anything fails the test."""
    assert hosted.admin.status().host is None
    hosted.admin.host.sync()
    hosted.admin.accounts.deposit("ann", CASH, "1.00")
    found = hosted.admin.status().host
    assert found is not None
    assert (found.events_behind, found.problem, found.sequence) == (1, None, hosted.exchange.sequence - 1)
    assert found == hosted.admin.host.status()
    assert "secret" not in found.host


def test_the_thread_brings_what_happens_at_once_and_ends_with_the_exchange(hosted: Floor, database: Database) -> None:
    hosted.admin.host.follow(0.01)
    hosted.place("ann", "sell", 5, "5.00")
    until(lambda: database.rows("SELECT order_id FROM trading_orders"))
    following = hosted.admin.host.following
    assert following.is_running
    hosted.exchange.close()
    assert not following.is_running


def test_trading_does_not_wait_for_a_hosts_database_that_hangs(with_host: Opened, tmp_path: Path) -> None:
    """Orders are taken while a round is stuck, and shown once it is not."""
    stuck = Stuck(f"sqlite:///{tmp_path / 'app.db'}")
    floor = with_host(stuck)
    stuck.go_on.set()
    floor.admin.host.init()
    stuck.go_on.clear()
    stuck.inside.clear()
    floor.admin.host.follow(0.01)
    assert stuck.inside.wait(5)
    before = floor.exchange.sequence
    for number in range(20):
        floor.place("ann", "sell", 1, f"5.{number:02}")
    assert floor.exchange.sequence == before + 20
    stuck.go_on.set()
    until(lambda: (found := floor.admin.host.status()) and found.sequence == floor.exchange.sequence)


def test_closing_does_not_wait_for_ever_for_a_hosts_database_that_hangs(
    home: Path, floor: Floor, tmp_path: Path
) -> None:
    stuck = Stuck(f"sqlite:///{tmp_path / 'app.db'}")
    exchange = credit_trading.open(home, host=stuck, settings=Settings(lock_timeout_s=1))
    exchange.as_admin("x").host.follow(0.01)
    assert stuck.inside.wait(5)
    began = time.monotonic()
    exchange.close()
    assert time.monotonic() - began < 5
    stuck.go_on.set()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_server_that_dies_and_comes_back_is_found_again(hosted: Floor, database: Database) -> None:
    """Killed between two rounds of the thread: trading goes on, the word says why, and nothing is lost or shown twice."""
    server = database.server
    assert server is not None
    hosted.admin.host.follow(0.02)
    until(lambda: (found := hosted.admin.host.status()) and not found.events_behind)
    before = hosted.exchange.sequence
    server.crash()
    hosted.place("ann", "sell", 5, "5.00")
    hosted.place("bob", "buy", 2, "5.00")
    until(lambda: (found := hosted.admin.host.status()) and not found.is_well)
    down = hosted.admin.status().host
    assert down is not None
    assert (down.sequence, down.events_behind) == (before, 3)
    server.start()
    until(lambda: (found := hosted.admin.host.status()) and found.is_well and not found.events_behind)
    assert database.rows("SELECT count(*) FROM trading_activity WHERE type = 'trade'") == [(1,)]
    assert hosted.admin.host.check().is_fine


def test_what_the_hosts_own_code_refuses_leaves_nothing_and_is_tried_again(
    with_host: Opened, tmp_path: Path, floor: Floor
) -> None:
    """The position stays where it was, and so does every row; then all of it comes, once."""
    database = Database("sqlite", f"sqlite:///{tmp_path / 'app.db'}")
    flaky = Flaky(database.url)
    opened = with_host(flaky)
    opened.admin.host.init()
    flaky.refusals = 2
    for attempt in (1, 2):
        with pytest.raises(StorageError, match="LookupError: no such customer"):
            opened.admin.host.sync()
        assert database.rows("SELECT sequence FROM trading_position") == [(0,)]
        assert database.rows("SELECT * FROM trading_balances") == []
        found = opened.admin.host.status()
        assert found is not None
        assert (found.attempts, found.sequence) == (attempt, None)
    opened.admin.host.sync()
    assert flaky.applied == 1
    assert database.rows("SELECT sequence FROM trading_position") == [(opened.exchange.sequence,)]


def test_two_that_follow_at_once_show_each_thing_once(with_host: Opened, database: Database) -> None:
    """As the workers of a web server do; each has its own connections and its own replica."""
    workers = [with_host(database.url) for _ in range(2)]
    workers[0].admin.host.init()
    for worker in workers:
        worker.admin.host.follow(0.02)
    for number in range(6):
        workers[number % 2].place("ann", "sell", 1, "5.00")
        workers[number % 2].place("bob", "buy", 1, "5.00")
    head = workers[0].exchange.sequence
    until(lambda: database.rows("SELECT sequence FROM trading_position") == [(head,)])
    for worker in workers:
        worker.admin.host.stop()
    found = workers[0].admin.host.status()
    assert found is not None
    assert (found.problem, found.events_behind) == (None, 0)
    assert database.rows("SELECT count(*) FROM trading_activity WHERE type = 'trade'") == [(6,)]
    assert workers[0].admin.host.check().is_fine


def test_a_host_that_knows_another_history_is_touched_in_neither_direction(hosted: Floor, database: Database) -> None:
    """Said once as trouble, in one line that names what helps; trading goes on."""
    hosted.admin.host.sync()
    with database.connect() as connection:
        hosted.admin.host.deposit(connection, "r-1", user_id="cat", amount=500, asset=CREDIT)
    database.execute("UPDATE trading_position SET sequence = sequence + 5")
    hosted.place("ann", "sell", 5, "5.00")
    before = hosted.exchange.sequence
    with pytest.raises(FileForeign, match="credit-trading host"):
        hosted.admin.host.sync()
    assert hosted.exchange.sequence == before
    assert database.rows("SELECT status FROM trading_requests") == [("new",)]
    assert database.rows("SELECT * FROM trading_orders") == []
    found = hosted.admin.host.status()
    assert found is not None
    assert not found.is_well


def test_tables_that_nobody_has_made_are_named_with_what_makes_them(with_host: Opened, database: Database) -> None:
    floor = with_host(database.url)
    with pytest.raises((NotFound, StorageError), match="credit-trading host init"):
        floor.admin.host.sync()


def test_a_request_and_what_came_of_it_through_the_one_door(hosted: Floor, database: Database) -> None:
    """Deposit, withdrawal, decision, retirement: each in the host's own transaction."""
    host = hosted.admin.host
    hosted.admin.assets.add_asset("VCS-2", decimals=0, project_id="p-2")
    with database.connect() as connection:
        host.deposit(connection, "r-1", user_id="cat", amount=500, project_id="p-2", note="from the shop")
        host.withdraw(connection, "r-2", user_id="ann", amount="7", asset=CREDIT)
        host.withdraw(connection, "r-3", user_id="ann", amount="5", asset=CREDIT)
        host.retire_project(connection, "r-4", "p-9")
    assert (host.sync().submitted, host.requests.get("r-1")["status"]) == (4, "done")
    assert {one["id"]: one["status"] for one in host.requests.list()} == {
        "r-1": "done",
        "r-2": "held",
        "r-3": "held",
        "r-4": "done",
    }
    with database.connect() as connection:
        host.confirm(connection, "r-2")
        host.fail(connection, "r-3")
    assert host.sync().submitted == 2
    assert [host.requests.get(one)["status"] for one in ("r-2", "r-3")] == ["done", "released"]
    assert hosted.balance("cat", "VCS-2") == "500"
    assert hosted.balance("ann", CREDIT) == str(100_000 - 7)
    assert host.requests.get("r-1")["actor"] == "setup"


def test_a_request_of_a_transaction_that_is_rolled_back_never_was(hosted: Floor, database: Database) -> None:
    with database.connect() as connection:
        hosted.admin.host.deposit(connection, "r-1", user_id="cat", amount=500, asset=CREDIT)
        connection.rollback()
    assert hosted.admin.host.sync().submitted == 0
    assert hosted.admin.host.requests.list() == []


def test_assets_of_projects_that_the_host_does_not_know_are_refused(home: Path, floor: Floor, tmp_path: Path) -> None:
    """Where the settings say where it keeps them; and without a host nobody asks."""
    database = Database("sqlite", f"sqlite:///{tmp_path / 'app.db'}")
    database.execute("CREATE TABLE projects (id TEXT PRIMARY KEY, retired_at TEXT)")
    database.execute("INSERT INTO projects VALUES ('p-1', NULL), ('p-old', '2026-01-01')")
    floor.admin.assets.add_asset("ANY", decimals=0, project_id="p-unknown")
    settings = Settings(host_url=database.url, host_projects="projects.id:retired_at")
    with credit_trading.open(home, settings=settings) as exchange:
        assets = exchange.as_admin("x").assets
        assets.add_asset("GOOD", decimals=0, project_id="p-1")
        with pytest.raises(NotFound, match="p-2"):
            assets.add_asset("BAD", decimals=0, project_id="p-2")
        with pytest.raises(InvalidInput, match="retired"):
            assets.add_asset("OLD", decimals=0, project_id="p-old")


# Whom it is reached by


def test_without_a_host_everything_works_but_what_needs_one(floor: Floor) -> None:
    """And what does says how one is named."""
    host = floor.admin.host
    assert host.status() is None
    for needs_one in (host.init, host.sync, host.follow, lambda: host.requests, host.check):
        with pytest.raises(InvalidInput, match=r"no host database is named.*CREDIT_TRADING_HOST_URL"):
            needs_one()
    assert not host.following.is_running


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("nowhere.at.all:adapter", "cannot be loaded (ModuleNotFoundError"),
        ("app_with_adapter:nothing", "cannot be loaded (AttributeError"),
        ("app_with_adapter:broken", "cannot be loaded (RuntimeError: x://me:***@db"),
        ("app_with_adapter:NUMBER", "cannot be loaded (TypeError"),
        ("app_with_adapter:no_adapter", "no adapter: it has no transaction()"),
        ("app_with_adapter", "neither a URL nor module:name"),
        ("x://me:secret@db", "x://me:***@db"),
        ("", "neither a URL nor module:name"),
    ],
)
def test_a_host_that_cannot_be_had_is_one_line(
    with_host: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, told: str
) -> None:
    """Without a password, whoever quoted it."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "app_with_adapter.py").write_text(
        "NUMBER = 5\ndef no_adapter(): return object()\ndef broken(): raise RuntimeError('x://me:secret@db is down')\n"
    )
    with pytest.raises(InvalidInput) as raised:
        with_host(given).admin.host.sync()
    assert told in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["MyAdapter", "make", "ready", "Apps.trading"])
def test_an_adapter_is_named_by_a_class_a_function_or_itself(
    with_host: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    module = f"app_{name.lower().replace('.', '_')}"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{module}.py").write_text(
        "from credit_trading.host.connecting.engine import EngineAdapter\n"
        f"class MyAdapter(EngineAdapter):\n    def __init__(self): super().__init__('sqlite:///{tmp_path}/app.db')\n"
        "def make(): return MyAdapter()\n"
        "ready = MyAdapter()\n"
        "class Apps:\n    trading = ready\n"
    )
    floor = with_host(f"{module}:{name}")
    floor.admin.host.init()
    assert floor.admin.host.sync().position.sequence == floor.exchange.sequence


def test_without_sqlalchemy_one_line_says_what_to_install(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("credit_trading.host.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(StorageError, match=r"SQLAlchemy is not installed.*credit-trading\[host\]"):
        floor.admin.host  # noqa: B018 - asking for it is what fails


def test_nobody_loads_sqlalchemy_who_uses_no_host(tmp_path: Path) -> None:
    """Neither the package nor the command line, nor an exchange that is opened with a URL and left alone."""
    program = (
        "import sys, credit_trading, credit_trading.cli\n"
        f"with credit_trading.open({str(tmp_path / 'x')!r}, create=True, host='sqlite:///app.db') as exchange:\n"
        "    assert exchange.as_admin('x').status().host is None\n"
        "sys.exit('sqlalchemy' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
