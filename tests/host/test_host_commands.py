"""`credit-trading host`: from an empty folder, and while the host's database cannot be had."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.host.database import Database

PROGRAM = [sys.executable, "-m", "credit_trading.cli"]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """An exchange with two users, ann with 100 credits, made by commands; the host's database is a file beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CREDIT_TRADING_HOST_URL", f"sqlite:///{tmp_path}/app.db")
    cli = Cli(tmp_path / "exchange")
    cli.run("init")
    cli.run("users", "create", "ann", "ann@example.com")
    cli.run("users", "create", "bob", "bob@example.com")
    cli.run("assets", "add", "CRD", "--decimals", "0")
    cli.run("accounts", "deposit", "ann", "CRD", "100")
    return cli


@pytest.fixture
def app(tmp_path: Path) -> Database:
    """The host's database as the host sees it."""
    return Database("sqlite", f"sqlite:///{tmp_path}/app.db")


def test_from_an_empty_folder_to_balances_in_the_hosts_database(cli: Cli, app: Database) -> None:
    """init, sync, status, check, repair; each again, and by option instead of the environment."""
    assert "table trading_balances made" in cli.run("host", "init").out.splitlines()
    assert cli.run("host", "init").out == "Everything is there already\n"
    assert cli.run("host", "status").out == f"Not in step yet: credit-trading --home {cli.home} host sync\n"
    assert cli.json("host", "status") is None
    assert cli.run("host", "sync").out == "Shown up to 5: 5 events, 0 requests passed on\n"
    assert app.rows("SELECT user_id, posted FROM trading_balances") == [("ann", "100")]
    assert cli.json("host", "sync") == {"rounds": 1, "events": 0, "requests": 0, "set_aside": 0, "sequence": 5}
    assert "Shown                       up to 5, 0 events and 0.0 s behind\n" in cli.run("host", "status").out
    checked = cli.json("host", "check")
    assert (checked["sequence"], checked["differences"]) == (5, [])
    assert "Differences  none\n" in cli.run("host", "check").out
    assert cli.json("host", "--url", app.url, "status")["sequence"] == 5


def test_a_difference_is_an_exit_code_until_it_is_repaired(cli: Cli, app: Database) -> None:
    """As schedules want it."""
    cli.run("host", "init")
    cli.run("host", "sync")
    app.execute("UPDATE trading_balances SET posted = '99', posted_units = 99")
    told = cli.run("host", "check", code=1).out
    assert "trading_balances" in told
    assert "ann" in told
    found = cli.json("host", "check", code=1)["differences"]
    assert {(one["kind"], one["column"]) for one in found} >= {("differs", "posted")}
    assert cli.run("host", "repair", "--dry-run", code=1).out
    assert app.rows("SELECT posted FROM trading_balances") == [("99",)]
    assert cli.json("host", "repair")["left"] == []
    assert app.rows("SELECT posted FROM trading_balances") == [("100",)]
    assert cli.run("host", "repair").out == "0 rows changed, 0 differences left\n"


def test_status_of_the_exchange_tells_of_its_host(cli: Cli) -> None:
    assert "Host's database" not in cli.run("status").out
    assert cli.json("status")["host"] is None
    cli.run("host", "init")
    cli.run("host", "sync")
    cli.run("accounts", "deposit", "ann", "CRD", "1")
    assert "\nHost's database\nHost " in cli.run("status").out
    host = cli.json("status")["host"]
    assert (host["sequence"], host["events_behind"], host["problem"]) == (5, 1, None)


def test_requests_are_listed_shown_and_tried_again(cli: Cli, app: Database) -> None:
    cli.run("host", "init")
    insert = (
        "INSERT INTO trading_requests (id, kind, user_id, asset, amount) VALUES (:id, 'deposit', :user, 'CRD', '5')"
    )
    app.execute(insert, id="r-1", user="ann")
    app.execute(insert, id="r-2", user="eve")
    assert cli.json("host", "sync")["set_aside"] == 1
    (done,) = [line for line in cli.run("host", "requests", "list").out.splitlines() if line.startswith("r-1")]
    assert done.endswith("  event 6")
    assert [(one["id"], one["status"]) for one in cli.json("host", "requests", "list")] == [
        ("r-1", "done"),
        ("r-2", "set_aside"),
    ]
    assert [one["id"] for one in cli.json("host", "requests", "list", "--status", "set-aside")] == ["r-2"]
    assert [one["id"] for one in cli.json("host", "requests", "list", "--after", "r-1")] == ["r-2"]
    assert "More" not in cli.run("host", "requests", "list", "--hanging").out
    assert "Status          set_aside\n" in cli.run("host", "requests", "show", "r-2").out
    cli.run("users", "create", "eve", "eve@example.com")
    assert cli.run("host", "requests", "retry", "r-2").out == "r-2: new\n"
    cli.run("host", "sync")
    assert cli.json("host", "requests", "show", "r-2")["status"] == "done"
    assert "r-1" in cli.refused("host", "requests", "retry", "r-1")
    assert "r-9" in cli.refused("host", "requests", "show", "r-9")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:////nowhere/at/all/app.db", "unable to open database file"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/app", "postgresql+psycopg://me:***@127.0.0.1:1/app"),
        ("postgresql+nothing://me:secret@127.0.0.1/app", "postgresql"),
        ("no url at all", "neither a URL nor module:name"),
        ("nowhere:adapter", "ModuleNotFoundError"),
    ],
)
def test_a_host_that_cannot_be_reached_is_one_line_without_its_password(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str, told: str
) -> None:
    monkeypatch.setenv("CREDIT_TRADING_HOST_URL", url)
    for command in ("init", "sync", "check"):
        said = cli.refused("host", command)
        assert said.startswith("Error: host")
        assert told in said
        assert "secret" not in said
    assert "secret" not in cli.run("status").out


def test_status_says_that_the_last_try_failed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is down, and with an exit code."""
    cli.run("host", "init")
    cli.run("host", "sync")
    monkeypatch.setenv("CREDIT_TRADING_HOST_URL", "sqlite:////nowhere/at/all/app.db")
    cli.run("host", "sync", code=1)
    assert "unable to open database file" in cli.run("host", "status", code=1).out
    assert "unable to open database file" in cli.run("status").out


def test_following_goes_on_through_an_outage_and_says_so_once(cli: Cli, tmp_path: Path) -> None:
    """The folder of the host's database is not there, is made, and then it is in step."""
    later = tmp_path / "later"
    url = f"sqlite:///{later}/app.db"
    command = [*PROGRAM, "--home", str(cli.home), "host", "--url", url, "sync", "--follow", "--every", "0.05", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        patience = threading.Timer(20, process.kill)
        patience.start()
        assert "Following until" in process.stderr.readline()
        first = process.stderr.readline()
        later.mkdir()
        cli.run("host", "--url", url, "init")
        lines = []
        while "In step again" not in (line := process.stderr.readline()):
            assert line, "it ended"
            lines.append(line)
        process.send_signal(signal.SIGTERM)
        out, rest = process.communicate(timeout=30)
        patience.cancel()
    assert "unable to open database file" in first
    assert len(lines) <= 1, "that the tables are not there yet may be told between"
    assert rest == ""
    assert process.returncode == 0
    assert '"sequence": 5' in out


def test_a_place_of_projects_that_is_none_is_told_before_anything_is_made(
    cli: Cli, app: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDIT_TRADING_HOST_PROJECTS", "proyects.id")
    assert "there is no such table" in cli.refused("host", "init")
    assert app.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'trading_%'") == []


def test_no_host_named_at_all_says_how_one_is(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDIT_TRADING_HOST_URL")
    assert "Set CREDIT_TRADING_HOST_URL" in cli.refused("host", "sync")
    assert cli.json("host", "status") is None


def test_an_adapter_is_found_in_the_folder_where_the_command_is_run(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By the option and by the environment, which other commands than these read too."""
    (tmp_path / "shop_adapter.py").write_text(
        "from credit_trading.host.connecting.engine import EngineAdapter\n"
        f"def adapter(): return EngineAdapter('sqlite:///{tmp_path}/shop.db')\n"
    )
    cli.run("host", "--adapter", "shop_adapter:adapter", "init")
    assert cli.json("host", "--adapter", "shop_adapter:adapter", "sync")["sequence"] == 5
    assert (tmp_path / "shop.db").exists()
    assert not (tmp_path / "app.db").exists()
    monkeypatch.setenv("CREDIT_TRADING_HOST_ADAPTER", "shop_adapter:adapter")
    monkeypatch.delitem(sys.modules, "shop_adapter")
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(tmp_path)])
    assert cli.json("assets", "add", "GS-1", "--decimals", "0", "--project", "7")["project_id"] == "7"


def test_what_is_typed_goes_before_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And both together are a slip."""
    monkeypatch.setenv("CREDIT_TRADING_HOST_ADAPTER", "nowhere:adapter")
    assert "ModuleNotFoundError" in cli.refused("host", "init")
    cli.run("host", "--url", f"sqlite:///{tmp_path}/typed.db", "init")
    assert (tmp_path / "typed.db").exists()
    assert "--url or --adapter" in cli.refused("host", "--url", "x://y", "--adapter", "a:b", "init", code=2)
