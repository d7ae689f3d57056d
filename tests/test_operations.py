"""The pages for operators and for readers: every command works, in its order; each one about keeping or reading stands on its page."""

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
READING_PAGE = (ROOT / "docs" / "records.md").read_text()

KEEPING = (
    "backup",
    "export",
    "host",
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

READING = (
    "accounts show",
    "audit",
    "orders complete",
    "orders history",
    "orders list",
    "orders progress",
    "statement",
    "transactions",
)
"""How commands begin that are about records."""

ELSEWHERE = {"journal check", "quarantine release", "host requests retry", "host requests show"}
"""They need a hash that was kept, a broken file, and a request that was set aside: they have tests of their own."""


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


@pytest.mark.parametrize(("page", "least"), [(PAGE, 60), (READING_PAGE, 40)], ids=["operations", "records"])
def test_every_command_of_the_page_succeeds_in_its_order(
    page: str, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one folder, from nothing; `mv` is the only other program."""
    monkeypatch.chdir(tmp_path)
    ran = 0
    for line in lines_of(page):
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
    assert ran > least


@pytest.mark.parametrize(
    ("page", "about", "elsewhere"),
    [(PAGE, KEEPING, ELSEWHERE), (READING_PAGE, READING, set())],
    ids=["keeping", "reading"],
)
def test_every_command_about_it_is_on_the_page(page: str, about: tuple[str, ...], elsewhere: set[str]) -> None:
    told = [re.sub(r" --url \S+", "", line.removeprefix("credit-trading ")) for line in lines_of(page)]
    names = [name for name in leaves(main) if name.startswith(about)]
    assert len(names) > 9
    missing = [name for name in names if not any(re.match(rf"{name}\b", line) for line in told)]
    assert set(missing) == elsewhere
