"""The command line in this process, and an exchange with a small market to try it on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from credit_trading.cli import main

SYMBOL = "VCS-1340-2020/USD"


@attrs.frozen
class Cli:
    """Runs commands on the exchange in `home`."""

    home: Path

    def run(self, *words: str, code: int = 0) -> Ran:
        """Runs one command and checks its exit code, and that whatever happened left no traceback."""
        result = CliRunner().invoke(main, ["--home", str(self.home), *words])
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        assert "fault in the program" not in result.output
        return Ran(result.stdout, result.stderr)

    def json(self, *words: str, code: int = 0) -> Any:
        """The one value on standard output; nothing else may be there."""
        return json.loads(self.run(*words, "--json", code=code).out)

    def refused(self, *words: str, code: int = 1) -> str:
        """The one line of a command that is refused; standard output is empty, as text and as JSON."""
        told = self.run(*words, code=code)
        assert self.run(*words, "--json", code=code) == told
        assert told.out == ""
        assert told.err.startswith("Error: ")
        assert told.err.count("\n") == 1
        return told.err


@attrs.frozen
class Ran:
    out: str
    err: str


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A founded exchange without anything in it."""
    cli = Cli(tmp_path / "exchange")
    cli.run("init")
    return cli


@pytest.fixture
def market(market_template: Path, tmp_path: Path) -> Cli:
    """Ann sells, bob buys, cat has an empty account but for a dollar, dan has nothing.

    Order 1 is ann's, 10 at 12.50 of which 1 is filled; order 2 is bob's buy that did it; order 3 is bob's bid, 20 at 12.40.
    """
    return Cli(Path(shutil.copytree(market_template, tmp_path / "exchange")))


@pytest.fixture(scope="session")
def market_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The market's folder, closed, to be copied."""
    cli = Cli(tmp_path_factory.mktemp("market") / "exchange")
    cli.run("init")
    for user_id in ("ann", "bob", "cat", "dan"):
        cli.run("users", "create", user_id, f"{user_id}@example.com")
    cli.run("assets", "add", "USD", "--decimals", "2")
    cli.run("assets", "add", "VCS-1340-2020", "--decimals", "0", "--project", "42")
    grid = ("--base", "VCS-1340-2020", "--quote", "USD", "--tick", "0.01", "--lot", "1")
    cli.run("instruments", "add", SYMBOL, *grid, "--maker-fee", "0.0005", "--taker-fee", "0.002")
    cli.run("accounts", "deposit", "ann", "VCS-1340-2020", "100")
    for user_id in ("ann", "bob"):
        cli.run("accounts", "deposit", user_id, "USD", "1000.00")
    cli.run("accounts", "deposit", "cat", "USD", "1.00")
    cli.run("orders", "place", "ann", SYMBOL, "sell", "10", "--price", "12.50", "--client-order-id", "spring-1")
    cli.run("orders", "place", "bob", SYMBOL, "buy", "1")
    cli.run("orders", "place", "bob", SYMBOL, "buy", "20", "--price", "12.40")
    return cli.home
