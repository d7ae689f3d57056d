"""Every command and snippet of the README does what it says."""

from __future__ import annotations

import re
import shlex
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

import credit_trading
from credit_trading.cli import main
from credit_trading.trading.accounts import AccountAdministration, AccountService
from credit_trading.trading.administration import TradingAdministration
from credit_trading.trading.deals import TransactionAdministration
from credit_trading.trading.instruments import InstrumentAdministration
from credit_trading.trading.order_service import OrderManagementService
from credit_trading.trading.transaction_service import TransactionService

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def commands() -> list[str]:
    """All lines after a prompt, without their remarks."""
    lines = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    return [line.split("  #")[0].split(" #")[0].strip() for line in lines]


def test_every_python_snippet_runs_and_its_sql_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in one folder, as a reader would paste them; then the SQL on the file that they made."""
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    for number, snippet in enumerate(blocks("python"), 1):
        exec(compile(snippet, f"README, snippet {number}", "exec"), scope)
    assert len(blocks("python")) >= 3
    (file,) = tmp_path.glob("database/trading/trading_43_*.db")
    connection = sqlite3.connect(file)
    for statement in blocks("sql")[0].strip().split(";\n"):
        assert connection.execute(statement.rstrip(";")).fetchall(), statement
    connection.close()


def test_every_command_of_the_cli_session_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in one folder; each ends with 0."""
    monkeypatch.chdir(tmp_path)
    session = [command for command in commands() if command.startswith("credit-trading ")]
    assert len(session) >= 10
    for command in session:
        done = CliRunner().invoke(main, shlex.split(command)[1:])
        assert done.exit_code == 0, f"{command}\n{done.output}"


def test_every_other_command_names_a_script_that_is_there() -> None:
    """Their runs have tests of their own, or are this very run."""
    for command in commands():
        if not command.startswith("credit-trading "):
            script = next(word for word in shlex.split(command) if "scripts/" in word)
            assert (ROOT / script).is_file(), command


def test_every_page_that_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).is_file(), target


def test_every_method_in_the_table_of_services_exists() -> None:
    """The words in code marks of each row, on the class that the row names."""
    home = {
        "user.orders": OrderManagementService,
        "user.transactions": TransactionService,
        "user.accounts": AccountService,
        "admin.accounts": AccountAdministration,
        "admin.transactions": TransactionAdministration,
        "admin.instruments": InstrumentAdministration,
        "admin.trading": TradingAdministration,
        "admin": credit_trading.Admin,
    }
    rows = re.findall(r"^\| `([a-z.]+)` \| (.*) \|$", README, re.M)
    assert home.keys() <= {service for service, _ in rows}
    for service, methods in rows:
        for method in re.findall(r"`([a-z_]+)`", methods) if service in home else ():
            assert hasattr(home[service], method), f"{service}.{method}"
