"""The page about embedding: its commands and its Python run in their order, what it shows of the examples stands there, its tests pass."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from credit_trading import errors, verify_folder
from credit_trading.cli import main
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.order import OrderStatus
from credit_trading.trading.audit_input import AuditFilters
from credit_trading.trading.history_input import TRANSACTION_TYPES, OrderQuery, TransactionQuery
from credit_trading.trading.records import StatisticsRecord
from examples.wire import STATUS
from tests.floor import Floor

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "embedding.md").read_text()


@attrs.frozen
class Block:
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """What the first line says it is; None for what is pasted and run."""
        named = re.match(r"# (\S+\.py)\n", self.text)
        return named[1] if named else None


BLOCKS = [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)]
EXCERPTS = [block for block in BLOCKS if block.file and block.file.startswith("examples/")]
TEST_FILES = [block for block in BLOCKS if block.file and "/" not in block.file]


def commands() -> list[str]:
    consoles = [block.text for block in BLOCKS if block.language == "console"]
    return [line[2:] for text in consoles for line in text.splitlines() if line.startswith("$ ")]


def test_from_an_empty_folder_everything_on_the_page_works_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As somebody would who reads from top to bottom; what has been opened is closed by the end of the page."""
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    ran = {"console": 0, "python": 0}
    try:
        for number, block in enumerate(BLOCKS, 1):
            if block.file is not None:
                continue
            ran[block.language] += 1
            if block.language == "python":
                exec(compile(block.text, f"embedding.md, block {number}", "exec"), scope)
            else:
                _run(block.text)
    finally:
        with suppress(KeyError):
            scope["exchange"].close()
    assert ran["console"] >= 3
    assert ran["python"] >= 8
    assert [str(finding) for finding in verify_folder("database/trading", deep=True).findings] == []


def _run(text: str) -> None:
    for line in text.splitlines():
        if line.startswith("$ credit-trading "):
            done = CliRunner().invoke(main, shlex.split(line)[2:])
            assert done.exit_code == 0, f"{line}\n{done.output}"


def test_every_other_command_is_told_by_the_example_that_it_starts() -> None:
    """Word for word, in the example's own words; servers are started by tests of their own."""
    told = "".join(path.read_text() for path in ROOT.glob("examples/*/__init__.py"))
    for line in commands():
        if not line.startswith(("credit-trading ", "pip install ")):
            assert f"    $ {line}\n" in told, line


@pytest.mark.parametrize("excerpt", EXCERPTS, ids=lambda block: block.file)
def test_what_is_shown_of_an_example_stands_in_it(excerpt: Block) -> None:
    assert excerpt.file is not None
    assert excerpt.text.partition("\n")[2] in (ROOT / excerpt.file).read_text()


def test_every_error_has_the_status_that_the_page_says() -> None:
    """The table is the examples' own; the last row is all that is not named."""
    rows = re.findall(r"^\| (.*`\w+`.*) \| (\d{3}) \|", PAGE, re.M)
    told = {name: int(status) for names, status in rows for name in re.findall(r"`(\w+)`", names)}
    assert told == {kind.__name__: status for kind, status in STATUS.items()}
    known = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TradingError)]
    assert len(known) > 20
    assert set(STATUS) <= set(known)


def test_what_a_user_reads_has_the_names_that_the_page_says(floor: Floor) -> None:
    """Of the table: service and method, or a further method of the service before it."""
    ann = floor.user("ann")
    table = PAGE.partition("## What a user reads")[2].partition("## ")[0]
    rows = re.findall(r"^\| `(\w+)\.(\w+)\(.*?\)`(?:, `\.(\w+)\()?", table, re.M)
    assert len(rows) >= 7
    for service, *methods in rows:
        for method in filter(None, methods):
            assert callable(getattr(getattr(ann, service), method)), f"{service}.{method}"


def _told(after: str, before: str) -> list[list[str]]:
    """The first cell's words of each row of a table of the page, and the second cell."""
    table = PAGE.partition(after)[2].partition(before)[0]
    return [[*re.findall(r"`(\w+)`", row[0])] for row in re.findall(r"^\| (`.*?) \|(.*)$", table, re.M)]


def test_the_page_names_every_filter() -> None:
    """And none that there is not; every word for what a transaction is and how it stands."""
    told = [name for names in _told("**Filters**", "Beside them") for name in names]
    assert sorted(told) == sorted({*TransactionQuery.__annotations__, *OrderQuery.__annotations__})
    table = PAGE.partition("**Filters**")[2].partition("Beside them")[0]
    for word in (*TRANSACTION_TYPES, *TransactionStatus, *OrderStatus):
        assert f"`{word}`" in table, word
    listed = PAGE.partition("Filters of both: ")[2].partition("besides")[0]
    assert set(re.findall(r"`(\w+)[`=]", listed)) == {*AuditFilters.__annotations__, "user_id"}


def test_the_page_names_every_field_of_statistics() -> None:
    told = [name for names in _told("**Statistics** come", "```python") for name in names]
    assert sorted(told) == sorted(field.name for field in attrs.fields(StatisticsRecord))


def test_a_hosts_own_tests_run_side_by_side(tmp_path: Path) -> None:
    """By pytest-xdist, in two processes, each test with an exchange of its own; a warning would fail them."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed: pip install -e '.[test]'")
    for block in TEST_FILES:
        assert block.file is not None
        (tmp_path / block.file).write_text(block.text)
    command = [sys.executable, "-m", "pytest", "-n", "2", "-v", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    command += [
        "-p",
        "no:anyio",
        "-p",
        "no:hypothesispytest",
    ]  # no host needs them for this, and they take long to load
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = sum(block.text.count("def test_") for block in TEST_FILES)
    assert f"{tests} passed" in done.stdout
    assert {"[gw0]", "[gw1]"} <= set(re.findall(r"\[gw\d\]", done.stdout))
