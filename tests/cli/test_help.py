"""Every command explains itself, with examples that work."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from credit_trading.cli import main
from credit_trading.cli.command import Command, Group
from credit_trading.journal.log import FILE_NAME
from tests.cli.conftest import SYMBOL, Cli
from tests.floor import edit

NOT_HERE = ("journal check",)
"""What is right for another exchange only."""
ENDLESS = ("follow", "jobs start", "host sync --follow")
"""Until somebody ends it: tried with a signal, elsewhere."""
ONLY_ONCE = ("init", "users create ann", "assets add", "instruments add")


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from walk(child, (*path, name))


ALL = dict(walk(main))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_help_of_every_command_has_examples(path: tuple[str, ...]) -> None:
    """Usage, a sentence, options and examples, on standard output, plain where it is no terminal."""
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(" ".join(("Usage: credit-trading", *path)))
    assert "\nExamples:\n  credit-trading " in result.stdout
    assert result.stdout.isascii()
    assert all(len(line) <= 130 for line in result.stdout.splitlines())


@pytest.mark.parametrize("path", [path for path in ALL if not isinstance(ALL[path], Group)], ids=" ".join)
def test_every_command_gives_json(path: tuple[str, ...]) -> None:
    """`--json` is an option of each."""
    assert any("--json" in parameter.opts for parameter in ALL[path].params)


def test_every_command_is_asked_for() -> None:
    """The list of commands is the documented one."""
    assert sorted(" ".join(path) for path, command in ALL.items() if isinstance(command, Command)) == sorted(
        [
            "init",
            *(
                f"users {name}"
                for name in ("create", "list", "show", "email", "delete", "erase", "suspend", "resume", "fees")
            ),
            *(f"users {name}" for name in ("import", "catch-up")),
            *(f"assets {name}" for name in ("add", "list")),
            *(f"instruments {name}" for name in ("add", "list", "show", "set", "schedule")),
            *(f"instruments {name}" for name in ("open", "close", "halt", "resume")),
            *(f"accounts {name}" for name in ("deposit", "withdraw", "show")),
            *(f"orders {name}" for name in ("place", "list", "history", "show", "amend", "cancel", "cancel-all")),
            *(f"orders {name}" for name in ("progress", "complete")),
            "book",
            *(f"trades {name}" for name in ("list", "bust")),
            *(f"transactions {name}" for name in ("list", "record", "update", "statistics", "cost-method")),
            "statement",
            *(f"audit {name}" for name in ("list", "show")),
            *(f"journal {name}" for name in ("head", "check", "archive")),
            "verify",
            "rebuild",
            *(f"quarantine {name}" for name in ("list", "release")),
            "migrate status",
            "status",
            "follow",
            *(f"backup {name}" for name in ("create", "verify", "restore", "list", "show", "prune")),
            *(f"jobs {name}" for name in ("init", "list", "runs", "run", "start")),
            *(f"host {name}" for name in ("init", "sync", "status", "check", "repair", "activity", "activity-daily")),
            *(f"host requests {name}" for name in ("list", "show", "retry")),
            "export",
            "import",
            "demo",
        ]
    )


EXAMPLES = sorted({example for command in ALL.values() for example in command.examples})  # type: ignore[attr-defined]


TRIED = [example for example in EXAMPLES if not example.startswith("demo") and example not in ENDLESS]


def _with_a_backup(market: Cli, example: str) -> str:
    """The example for a verified set that there is, and a moment after the founding."""
    made = market.json("backup", "create", "--to", "backups")
    market.run("backup", "verify", "--from", "backups")
    if "--exchange-db" in example:
        (market.home / FILE_NAME).unlink()
    return example.replace("20261121-020000-000000", made["set"]).replace("2026-11-01T12:00:00Z", made["as_of"])


def _with_what_it_names(market: Cli, example: str) -> str:
    """The example with the order or the transaction that it names; bob has what a deal with him takes."""
    if example.startswith(("orders progress", "orders complete")):
        placed = market.json(
            *("orders", "place", "ann", SYMBOL, "buy", "10", "--price", "12.50", "--route", "external")
        )
        return example.replace(" ann 3 ", f" ann {placed['order_id']} ")
    if example.startswith("transactions update"):
        entered = market.json("transactions", "record", "ann", "withdrawal", "USD", "5.00", "--pending")
        return re.sub(r" ann 1[78] ", f" ann {entered['transaction_id']} ", example)
    if "--counterparty bob" in example:
        market.run("accounts", "deposit", "bob", "VCS-1340-2020", "10")
    return example


@pytest.fixture(scope="session")
def app_db(market_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host's database, in step with the market but for a request that was set aside."""
    folder = tmp_path_factory.mktemp("host")
    market = Cli(Path(shutil.copytree(market_template, folder / "exchange")))
    path = folder / "app.db"
    market.run("host", "--url", f"sqlite:///{path}", "init")
    edit(path, "INSERT INTO trading_requests (id, kind, user_id) VALUES ('r-1', 'deposit', 'nobody')")
    market.run("host", "--url", f"sqlite:///{path}", "sync")
    return path


@pytest.mark.parametrize("example", TRIED)
def test_every_example_works(
    market: Cli, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """On a market where it makes sense; those that found or add what is there already are refused, in a line."""
    monkeypatch.chdir(tmp_path)
    Path("users.csv").write_text("user_id,email\neve,eve@example.com\n")
    if example.startswith("import "):
        market.run("export", "--all", "--to", "everybody.zip")
        Path("old-system.csv").write_text(
            "user_id,reference,transaction_date,transaction_type,credit_type,quantity\n"
            "dan,OLD-1,2024-05-01T12:00:00Z,deposit,USD,100.00\n"
        )
    example = example.replace("/srv/backups", "backups").replace("s3://bucket/folder", "backups")
    if example.startswith(("users delete eve", "users erase ann")):
        example = example.replace("eve", "dan").replace("ann", "dan")
    if "backups" in example:
        example = _with_a_backup(market, example)
    if example.startswith("host "):
        monkeypatch.setenv("CREDIT_TRADING_HOST_URL", "sqlite:///app.db")
        shutil.copy(request.getfixturevalue("app_db"), "app.db")
    example = _with_what_it_names(market, example)
    if example.startswith("users erase"):
        market.run("users", "delete", "dan", "--yes")
    given, _, source = example.partition(" < ")
    words = shlex.split(given)
    if words[0] == "--home":
        words = words[2:]
    if words[0] == "jobs" and words[1] != "init":
        CliRunner().invoke(main, ["--home", str(market.home), "jobs", "init", "--to", "backups"])
    result = CliRunner().invoke(
        main, ["--home", str(market.home), *words], input=Path(source).read_text() if source else None
    )
    assert result.exit_code == (1 if " ".join(words).startswith(ONLY_ONCE + NOT_HERE) else 0), result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), ["Errors are one line on standard error, with --json too."]),
        (("follow",), ["credit-trading follow\n", "ends with 1 if files are behind"]),
        (("rebuild",), ["rebuild ann --accept-loss\n"]),
        (("users", "import"), ["import users.csv\n", "import - <", "header user_id,email", "may have the same e-mail"]),
    ],
    ids=["program", "follow", "rebuild", "users import"],
)
def test_the_help_tells_what_operators_ask(words: tuple[str, ...], told: list[str]) -> None:
    help_text = CliRunner().invoke(main, [*words, "--help"]).stdout
    for words_told in told:
        assert words_told in help_text or words_told in " ".join(help_text.split())


def test_the_version_is_told() -> None:
    """For bug reports."""
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.stdout) == (0, "credit-trading 0.1.0\n")


def test_no_command_at_all_is_wrong_usage() -> None:
    """The help is shown."""
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 2
    assert "Usage: credit-trading" in result.output
