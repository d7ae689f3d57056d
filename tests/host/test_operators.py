"""What operators see of a host's database that is not as it should be: one line each, what to do in it, and no password."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import credit_trading
from credit_trading.cli import output
from tests.cli.conftest import Cli
from tests.host.database import Database


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """An exchange with a user and a deposit, shown in the host's database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CREDIT_TRADING_HOST_URL", f"sqlite:///{tmp_path}/app.db")
    cli = Cli(tmp_path / "exchange")
    cli.run("init")
    cli.run("users", "create", "ann", "ann@example.com")
    cli.run("assets", "add", "CRD", "--decimals", "0")
    cli.run("accounts", "deposit", "ann", "CRD", "100")
    cli.run("host", "init")
    cli.run("host", "sync")
    return cli


@pytest.fixture
def app(tmp_path: Path) -> Database:
    """The host's database as the host sees it."""
    return Database("sqlite", f"sqlite:///{tmp_path}/app.db")


def test_tables_of_another_version_are_touched_by_nobody(cli: Cli, app: Database) -> None:
    """A worker of an older program may still run after a newer one has migrated them."""
    cli.run("accounts", "deposit", "ann", "CRD", "1")
    for version, told in ((2, "Use a newer"), (0, "")):
        app.execute(f"UPDATE trading_position SET schema_version = {version}")
        for command in ("sync", "check", "repair", "init"):
            assert told in cli.refused("host", command)
    assert app.rows("SELECT posted FROM trading_balances") == [("100",)]
    app.execute("UPDATE trading_position SET schema_version = 1")
    assert cli.json("host", "sync")["events"] == 1


@pytest.mark.parametrize("spoilt", ["hash = 'zz'", "sequence = 'abc'"])
def test_a_position_that_cannot_be_read_is_told_and_mended(cli: Cli, app: Database, spoilt: str) -> None:
    app.execute(f"UPDATE trading_position SET {spoilt}")
    for command in ("sync", "check", "repair"):
        assert "Delete that row, then: credit-trading" in cli.refused("host", command)
    app.execute("DELETE FROM trading_position")
    cli.run("host", "repair")
    assert cli.json("host", "check")["differences"] == []


def test_a_check_that_compares_nothing_says_so_and_what_to_do(cli: Cli, app: Database) -> None:
    """Ahead of the journal, of another exchange; and one with a difference that can be put right."""
    app.execute("UPDATE trading_balances SET held = '7'")
    assert cli.run("host", "check", code=1).err.endswith("host repair\n")
    app.execute("UPDATE trading_position SET sequence = 99")
    told = cli.run("host", "check", code=1)
    assert "Shown up to  -\nRows         not compared\n" in told.out
    assert "expected 4 at most, found 99" in told.out
    assert told.err.endswith("host repair --other-history\n")
    assert cli.run("host", "repair", code=1).err.endswith("host repair --other-history\n")
    app.execute("UPDATE trading_position SET exchange_id = 'x'")
    assert "CREDIT_TRADING_HOST_PREFIX" in cli.run("host", "check", code=1).err


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("me:secret@db", "neither a URL nor module:name"),
        ("postgresql+psycopg://me:top@secret@127.0.0.1:1/app", "Write %40 for an @"),
        ("sqlite:///app.db?mode=ro", "no argument mode"),
        ("sqlite:///app.db?timeout=soon", "could not convert"),
        ("mysql://me:secret@127.0.0.1/app", "pip install mysqlclient"),
    ],
)
def test_a_url_that_cannot_be_is_told_before_anything_is_tried(cli: Cli, url: str, told: str) -> None:
    """Without a part of the password, and without a warning of a library's beside it."""
    said = cli.refused("host", "--url", url, "sync")
    assert told in said
    assert "secret" not in said


def test_what_an_adapter_raises_is_told_as_its_own(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as a fault of this program; one that is no adapter is refused before it is used."""
    (tmp_path / "shop_that_fails.py").write_text(
        "from contextlib import contextmanager\n"
        "from credit_trading.host.adapter import Adapter\n"
        "class Alone:\n"
        "    def transaction(self): ...\n"
        "class Fails(Adapter):\n"
        "    def transaction(self): raise RuntimeError('no settings')\n"
        "    def project_status(self, connection, project_id): return 'active'\n"
    )
    for command in (["init"], ["sync"], ["check"], ["repair"], ["activity"], ["requests", "list"]):
        said = cli.refused("host", "--adapter", "shop_that_fails:Fails", *command)
        assert "RuntimeError: no settings" in said
    assert "it has no apply()" in cli.refused("host", "--adapter", "shop_that_fails:Alone", "sync")
    monkeypatch.setenv("CREDIT_TRADING_HOST_ADAPTER", "shop_that_fails:Fails")
    said = cli.refused("assets", "add", "VCS", "--decimals", "0", "--project", "7")
    assert "project_status() fails (RuntimeError: no settings)" in said


def test_a_page_of_requests_that_is_the_last_says_nothing_of_more(cli: Cli, app: Database) -> None:
    for name in ("r-1", "r-2"):
        app.execute("INSERT INTO trading_requests (id, kind) VALUES (:id, 'deposit')", id=name)
    assert "There is more: --after r-1" in cli.run("host", "requests", "list", "--limit", "1").err
    assert cli.run("host", "requests", "list", "--limit", "2").err == ""


def test_who_was_erased_may_be_blanked_in_the_hosts_tables_or_stay(cli: Cli, app: Database) -> None:
    """`host check` finds nothing either way, and `host repair` brings nobody back; a row that was deleted is put back without who acted."""
    with credit_trading.open(cli.home) as exchange:
        admin = exchange.as_admin("jane", correlation_id="c-1")
        admin.databases.create_trading_databases([("zoe", "zoe@example.com")])
        admin.accounts.deposit("zoe", "CRD", "5")
        admin.accounts.withdraw("zoe", "CRD", "5")
    cli.run("users", "delete", "zoe", "--yes")
    cli.run("host", "sync")
    cli.run("users", "erase", "zoe")
    assert cli.json("host", "check")["differences"] == []
    app.execute(
        "UPDATE trading_activity SET actor = 'erased', correlation_id = NULL"
        " WHERE user_id = 'zoe' AND correlation_id IS NOT NULL"
    )
    assert cli.json("host", "check")["differences"] == []
    app.execute("DELETE FROM trading_activity WHERE user_id = 'zoe' AND type = 'deposit'")
    assert cli.json("host", "repair")["changed"] == 1
    row = app.rows(
        "SELECT actor, correlation_id, sentence FROM trading_activity WHERE user_id = 'zoe' AND type = 'deposit'"
    )
    assert row == [("erased", None, "zoe deposited 5 CRD")]


def test_a_warning_beside_a_progress_bar_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """`host repair` warns of each row that it changes."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stderr", screen)
    with output.progress("Repairing") as tick:
        tick(1, 2)
        output.warn("a row was changed")
    warned = next(line for line in screen.getvalue().split("\n") if "a row was changed" in line)
    shown = warned.rpartition("\x1b[2K")[2]  # what stood there before was erased
    assert "Repairing" not in shown
