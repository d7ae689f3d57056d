"""The page for operators: every command on it works, in its order, and every command that there is stands there or in the README."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from credit_trading.cli import main

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()

KEEPING = (
    "backup",
    "export",
    "import",
    "jobs",
    "journal",
    "migrate",
    "quarantine",
    "rebuild",
    "status",
    "verify",
    "users delete",
    "users erase",
)
"""How commands begin that are about keeping an exchange."""

ELSEWHERE = {"journal check", "quarantine release"}
"""They need a hash that was kept, and a broken file: they have tests of their own."""


def lines_of(page: str) -> list[str]:
    """All commands in console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.M | re.S)
    return [
        line[2:].split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.startswith("$ ")
    ]


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[str]:
    """All commands that do something, by their full names."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield " ".join((*path, name))


def test_every_command_of_the_page_succeeds_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one folder, from nothing; `mv` is the only other program."""
    monkeypatch.chdir(tmp_path)
    ran = 0
    for line in lines_of(PAGE):
        words = shlex.split(line)
        if words[0] == "mv":
            for suffix in ("", "-wal", "-shm"):
                source = Path(f"{words[1]}{suffix}")
                if source.exists():
                    source.rename(f"{words[2]}{suffix}")
            continue
        assert words[0] == "credit-trading", line
        done = CliRunner().invoke(main, words[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
        ran += 1
    assert ran > 60


def test_every_command_about_keeping_an_exchange_is_on_the_page() -> None:
    told = [line.removeprefix("credit-trading ") for line in lines_of(PAGE)]
    keeping = [name for name in leaves(main) if name.startswith(KEEPING)]
    assert len(keeping) > 15
    missing = [name for name in keeping if not any(re.match(rf"{name}\b", line) for line in told)]
    assert set(missing) == ELSEWHERE
