"""What a real terminal, a pipe and a signal make of it: the installed program in a process of its own."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.cli.conftest import SYMBOL, Cli

PROGRAM = [sys.executable, "-m", "credit_trading.cli"]


def in_terminal(home: Path, *words: str, typed: str = "", **environment: str) -> tuple[str, int]:
    """What a terminal of 100 columns shows, and the exit code."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.pop("NO_COLOR", None)
        os.environ.update({"TERM": "xterm-256color", "COLUMNS": "100", **environment})
        os.execv(PROGRAM[0], [*PROGRAM, "--home", str(home), *words])
    os.write(terminal, typed.encode())
    shown = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not read:
            break
        shown += read
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def piped(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "--home", str(home), *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
    )


def test_a_terminal_gets_a_ladder_with_bars_and_colours(market: Cli) -> None:
    """Asks red, bids green, sizes as bars."""
    shown, code = in_terminal(market.home, "book", SYMBOL)
    assert code == 0
    assert "█" in shown
    assert "\x1b[31m" in shown
    assert "\x1b[32m" in shown
    assert "spread" in shown


def test_transactions_fit_a_terminal_of_80_columns(market: Cli) -> None:
    """What is left out first is who was on the other side, the fee, the value; the id and the status never are."""
    market.run("transactions", "record", "ann", "withdrawal", "USD", "5.00", "--pending")
    long = ("transactions", "record", "ann", "correction-out", "VCS-1340-2020", "3", "--pending")
    number = str(market.json(*long)["transaction_id"])
    market.run("transactions", "update", "ann", number, "cancelled")
    shown, code = in_terminal(market.home, "transactions", "list", "ann", COLUMNS="80")
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.splitlines()]
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:5] == ["Id", "Time", "(UTC)", "Type", "Status"]
    assert "Not shown, the terminal is too narrow: " in shown
    trades = in_terminal(market.home, "transactions", "list", "ann", "--side", "sell", COLUMNS="80")[0]
    assert "Price" in trades.splitlines()[0]


def test_no_color_and_pipes_get_plain_text(market: Cli) -> None:
    """No escape sequence, no box, no bar; the same text in both."""
    shown, code = in_terminal(market.home, "book", SYMBOL, NO_COLOR="1")
    told = piped(market.home, "book", SYMBOL)
    assert (code, told.returncode, told.stderr) == (0, 0, "")
    assert shown.replace("\r\n", "\n") == told.stdout
    assert told.stdout.isascii()
    assert "\x1b" not in told.stdout


def test_a_person_is_asked_before_a_deletion(market: Cli) -> None:
    """No leaves the user, yes deletes."""
    shown, code = in_terminal(market.home, "users", "delete", "dan", typed="n\n")
    assert code == 1
    assert "not confirmed; nothing was changed" in shown
    shown, code = in_terminal(market.home, "users", "delete", "dan", typed="y\n")
    assert (code, "Deleted dan" in shown) == (0, True)
    assert "no such user" in market.refused("users", "show", "dan")


def test_the_folder_may_come_from_the_environment(market: Cli) -> None:
    """CREDIT_TRADING_HOME; --home goes before it."""
    told = subprocess.run(
        [*PROGRAM, "users", "list"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"CREDIT_TRADING_HOME": str(market.home)},
    )
    assert told.stdout == market.run("users", "list").out


def test_a_reader_that_leaves_early_hears_no_complaint(market: Cli) -> None:
    """As in `… | head -0`."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        told = subprocess.run(
            [*PROGRAM, "--home", str(market.home), "users", "list"], stdout=gone, stderr=subprocess.PIPE, check=False
        )
    assert told.stderr == b""


def test_an_interrupt_ends_with_130_and_a_line(tmp_path: Path) -> None:
    """Ctrl-C in the demo: no traceback, and the folder is named. A shell's background jobs are born deaf to Ctrl-C: this one is not."""
    with subprocess.Popen(
        [*PROGRAM, "demo", "--keep", str(tmp_path / "demo")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as child:
        waiting = threading.Event()
        while child.poll() is None and not list((tmp_path / "demo").glob("trading_*.db")):
            waiting.wait(0.02)
        child.send_signal(signal.SIGINT)
        _, complaint = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "Traceback" not in complaint
    assert complaint.strip().endswith("Error: interrupted.")
    assert str(tmp_path / "demo") in complaint


def test_control_characters_of_stored_text_reach_no_terminal(market: Cli) -> None:
    """Whatever a name holds, the terminal's cursor stays where it is: refused names are shown escaped."""
    told = market.refused("users", "create", "a\x1b[2Jb", "a@example.com")
    assert "\x1b" not in told


def test_a_fault_of_the_program_is_a_line_too(market: Cli, tmp_path: Path) -> None:
    """A file system error that nobody foresaw; the traceback is there for who asks."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    told = piped(tmp_path / "loop", "users", "list")
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert told.stderr.count("\n") == 1
