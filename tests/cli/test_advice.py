"""What findings, errors and warnings tell an operator to type: for the folder that was named, and on one line."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from credit_trading.cli import main, output
from credit_trading.cli.command import _for_home, _home_in
from credit_trading.journal.log import FILE_NAME
from tests.cli.conftest import Cli
from tests.floor import edit, rows_of


def _edit_balance(market: Cli, user: str = "ann") -> None:
    edit(market.home / f"trading_{user}_{user}_example.com.db", "UPDATE balances SET posted = posted + 1")


def test_findings_name_the_folder_as_errors_do(market: Cli, tmp_path: Path) -> None:
    """In a folder that a shell would take for two words; as text, and in JSON."""
    spaced = Cli(Path(shutil.copytree(market.home, tmp_path / "my  folder")))
    _edit_balance(spaced)
    command = f"credit-trading --home {shlex.quote(str(spaced.home))} rebuild ann"
    assert {one["repair"] for one in spaced.json("verify", code=1)["findings"]} == {command}
    assert spaced.run("verify", code=1).out.splitlines()[-1] == command
    assert f"credit-trading --home {shlex.quote(str(spaced.home))} users list." in spaced.refused(
        "users", "show", "zed"
    )
    nowhere = Cli(tmp_path / "no  where")
    assert f"credit-trading --home {shlex.quote(str(nowhere.home))} init." in nowhere.refused("users", "list")


def test_a_repair_that_is_told_can_be_typed(market: Cli) -> None:
    """What stands in the last line is run as it is."""
    _edit_balance(market)
    line = market.run("verify", code=1).out.splitlines()[-1]
    program, *words = shlex.split(line)
    assert program == "credit-trading"
    assert CliRunner().invoke(main, words).exit_code == 0
    assert market.json("verify")["findings"] == []


@pytest.mark.parametrize(
    ("words", "home"),
    [
        (["--home", "/a b", "verify"], "/a b"),
        (["--home=/a", "verify"], "/a"),
        (["--home", "/a", "--home", "/b", "verify"], "/b"),
        (["users", "show", "--home"], None),
        (["verify"], None),
        (["--home"], None),
        ([], None),
    ],
)
def test_the_folder_is_found_among_the_programs_own_options(words: list[str], home: str | None) -> None:
    assert _home_in(words) == home


def test_only_commands_are_addressed() -> None:
    """Each once; other words and a folder that is named already stay."""
    text = "Use: credit-trading verify; or credit-trading rebuild a, not credit-trading --home /b verify, credit-trading itself."
    told = _for_home(text, home="/a b", commands=["verify", "rebuild"])
    assert told == (
        "Use: credit-trading --home '/a b' verify; or credit-trading --home '/a b' rebuild a,"
        " not credit-trading --home /b verify, credit-trading itself."
    )
    assert _for_home(told, home="/a b", commands=["verify", "rebuild"]) == told
    assert _for_home(text, home=None, commands=["verify"]) == text


def test_notices_warnings_and_lines_are_addressed_while_a_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with output.addressing(str.upper):
        for speak in (output.notice, output.warn, output.fail, output.say):
            speak("a word")
    output.say("after")
    told = capsys.readouterr()
    assert told.out == "A WORD\nafter\n"
    assert told.err.count("A WORD") == 3


def test_repairs_stand_below_the_table_commands_first(market: Cli) -> None:
    """Each once."""
    edit(market.home / "trading_ann_ann_example.com.db", "CREATE TABLE own (a)")
    for user in ("bob", "cat"):
        edit(
            market.home / f"trading_{user}_{user}_example.com.db",
            "UPDATE metadata SET email = 'x'",
            "DROP VIEW balances_readable",
        )
    lines = market.run("verify", "--deep", code=1).out.splitlines()
    place = lines.index("To do")
    home = f"credit-trading --home {market.home}"
    assert lines[place + 1 : -1] == [f"{home} rebuild bob", f"{home} rebuild cat"]
    assert lines[-1].startswith("Drop it")
    assert "What to do" not in "".join(lines)


def test_a_narrow_terminal_does_not_break_a_command(market: Cli) -> None:
    """80 columns, and a folder with a long name."""
    home = Path(shutil.copytree(market.home, market.home.parent / ("long" * 20)))
    _edit_balance(Cli(home))
    child, terminal = pty.fork()
    if child == 0:
        os.environ.pop("NO_COLOR", None)
        os.environ.update({"TERM": "xterm-256color", "COLUMNS": "80"})
        os.execv(sys.executable, [sys.executable, "-m", "credit_trading.cli", "--home", str(home), "verify"])
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert f"credit-trading --home {home} rebuild ann" in [line.strip() for line in shown.decode().splitlines()]


def test_a_background_warning_names_the_folder(market: Cli) -> None:
    """Whatever the package logs while a command runs passes through the same place."""
    code = (
        "import logging\n"
        "from credit_trading.cli import main\n"
        "import click\n"
        "main.add_command(click.Command('speak', callback=lambda: logging.getLogger('credit_trading.x').warning("
        "'see credit-trading rebuild ann')))\n"
        "main()"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, "--home", str(market.home), "speak"], capture_output=True, text=True, check=False
    )
    assert told.stderr == f"Warning: see credit-trading --home {market.home} rebuild ann\n"


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE journal SET payload = payload || ' ' WHERE sequence = 5", "the chain is broken here"),
        ("UPDATE journal SET hash = zeroblob(32) WHERE sequence = 5", "the chain is broken here"),
        ("DELETE FROM journal WHERE sequence = 5", "rows are missing here"),
    ],
)
def test_a_kept_head_is_checked_in_an_exchange_that_cannot_be_opened(market: Cli, statement: str, problem: str) -> None:
    """The broken row is the result, not an error; up to before it history is proven."""
    with_head = market.json("journal", "head")
    before = _hash_at(market, 4)
    for checkpoint in (market.home / "checkpoints").glob("*"):
        checkpoint.unlink()
    edit(market.home / FILE_NAME, statement)
    kept = ("journal", "check", "--sequence", str(with_head["sequence"]), "--hash", with_head["hash"])
    told = market.json(*kept, code=1)
    assert (told["unchanged"], told["finding"]["row"]) == (False, "sequence 5")
    assert problem in told["finding"]["problem"]
    assert problem in market.run(*kept, code=1).out.replace("\n", " ")
    assert market.json("journal", "check", "--sequence", "4", "--hash", before)["unchanged"]


def _hash_at(market: Cli, sequence: int) -> str:
    ((found,),) = rows_of(market.home / FILE_NAME, "SELECT hash FROM journal WHERE sequence = ?", (sequence,))
    return bytes(found).hex()


def test_a_broken_chain_says_how_far_it_was_looked_at(market: Cli) -> None:
    for checkpoint in (market.home / "checkpoints").glob("*"):
        checkpoint.unlink()
    edit(market.home / FILE_NAME, "UPDATE journal SET payload = payload || ' ' WHERE sequence = 5")
    for words in ((), ("--deep",)):
        out = market.run("verify", *words, code=1).out
        assert "Sequence      not known" in out
        assert "follows from sequence 5 on: the journal cannot be replayed beyond that row" in out
        assert market.json("verify", *words, code=1)["stopped_at"] == 5
