"""`status`, `follow`, `users import` and `users catch-up`: what an operator sees and does with many users."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import credit_trading
from credit_trading.cli import main
from credit_trading.store.locks import WRITER, LockFile, Turnstile
from credit_trading.users import mark
from tests.cli.conftest import Cli
from tests.floor import edit
from tests.forks import in_fork

PROGRAM = [sys.executable, "-m", "credit_trading.cli"]


def wait_for_mark(market: Cli) -> None:
    """Until somebody has followed."""
    deadline = time.monotonic() + 30
    while not (market.home / mark.FILE_NAME).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_status_shows_every_group(market: Cli) -> None:
    """In words; numbers stand in JSON. The journal comes first, without a title and an empty line above it."""
    out = market.run("status").out
    assert out.startswith("Folder  ")
    assert "\nHead of the journal  " in out
    assert [line for line in out.splitlines() if line and "  " not in line] == [
        "Views",
        "Checkpoints",
        "Processes",
        "To do",
        "Jobs",
        "Reading",
        "Room",
    ]
    assert "not followed yet" in out


def test_status_does_not_say_that_none_is_behind_before_anybody_knows(market: Cli) -> None:
    assert "Known behind  not known\n" in market.run("status").out
    market.run("follow", "--once")
    assert "Known behind  none\n" in market.run("status").out


def test_status_counts_itself_out(market: Cli) -> None:
    """That it has the exchange open itself is no news; others are named."""
    assert "Have it open  this process only\n" in market.run("status").out
    with subprocess.Popen([*PROGRAM, "--home", str(market.home), "follow"], stdout=subprocess.DEVNULL) as other:
        try:
            wait_for_mark(market)
            assert f"Have it open  {other.pid}\n" in market.run("status").out
        finally:
            other.terminate()


def test_status_says_one_event_and_many_events(market: Cli) -> None:
    """And that market data catch up by themselves, if there is anything to catch up with."""
    market.run("follow", "--once")
    market.run("trades", "list", "VCS-1340-2020/USD")
    assert "0 events behind\n" in market.run("status").out
    market.run("accounts", "deposit", "cat", "USD", "1.00")
    out = market.run("status").out
    assert "1 event behind; it catches up when trades are read\n" in out
    assert ", 1 event and " in out
    assert "1 events" not in out


def test_status_tells_how_far_views_are(market: Cli) -> None:
    """None before anybody has followed; then events and seconds beyond the mark."""
    before = market.json("status")
    assert before["views"] == {
        "users": 4,
        "sequence": None,
        "events_behind": None,
        "seconds_behind": None,
        "files_behind": [],
    }
    head = before["journal"]["sequence"]
    assert market.json("follow", "--once")["sequence"] == head
    market.run("accounts", "deposit", "cat", "USD", "1.00")
    views = market.json("status")["views"]
    assert (views["sequence"], views["events_behind"]) == (head, 1)
    assert 0 < views["seconds_behind"] < 60
    market.run("users", "catch-up")
    views = market.json("status")["views"]
    assert (views["events_behind"], views["seconds_behind"]) == (0, 0.0)


def test_status_is_about_this_journal(market: Cli) -> None:
    """The head as exchange.db has it, its size, the market data's position, the time of the last event."""
    market.run("trades", "list", "VCS-1340-2020/USD")
    market.run("accounts", "deposit", "cat", "USD", "1.00")
    status = market.json("status")
    with credit_trading.open(market.home) as exchange:
        assert status["journal"]["sequence"] == exchange.sequence
    assert status["market_data"] == {"sequence": exchange_before(status), "events_behind": 1, "problem": None}
    assert status["journal"]["file_bytes"] == (market.home / "exchange.db").stat().st_size
    assert len(status["journal"]["hash"]) == 64
    assert status["resources"]["free_bytes"] > 0
    assert 0 < status["resources"]["descriptors"] < status["resources"]["descriptors_limit"]


def exchange_before(status: dict[str, dict[str, int]]) -> int:
    return status["journal"]["sequence"] - 1


def test_status_names_the_process_that_holds_the_writer_lock(market: Cli) -> None:
    """One that hangs: it is told at once, and by its id."""
    ready, tell = os.pipe()

    def hang() -> None:
        Turnstile(LockFile.open(market.home / "exchange.lock")).enter(5)
        os.write(tell, b"!")
        time.sleep(60)

    with credit_trading.open(market.home) as exchange:
        admin = exchange.as_admin("test")
        child = in_fork(hang)
        try:
            assert os.read(ready, 1) == b"!"
            began = time.monotonic()
            assert admin.status().processes.writer == child
            assert time.monotonic() - began < 5
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert admin.status().processes.writer is None


def test_status_names_this_process_while_it_writes(market: Cli) -> None:
    with credit_trading.open(market.home) as exchange:
        admin = exchange.as_admin("test")
        with exchange._live.lock_file.hold(WRITER, timeout_s=1, operation="test"):
            assert admin.status().processes.writer == os.getpid()
        assert admin.status().processes.present == [os.getpid()]


def test_status_of_an_opened_exchange_tells_of_its_pool(market: Cli) -> None:
    """Of two questions: an answer that is kept needs no file."""
    with credit_trading.open(market.home) as exchange:
        admin = exchange.as_admin("test")
        for state in ("active", "done"):
            exchange.as_user("ann").orders.get_orders(state=state)
        room = admin.status().resources
    assert (room.pool_open, room.pool_capacity, room.pool_hits, room.pool_misses) == (1, 64, 1, 1)


def test_status_names_what_waits_for_a_file(market: Cli) -> None:
    """A rename and a deletion that wait for somebody who has the file open; and they are done when nobody has."""
    with credit_trading.open(market.home) as other:
        held = [other.as_user(user).get_trading_database() for user in ("cat", "dan")]
        market.run("users", "email", "cat", "cat@example.org")
        market.run("users", "delete", "dan", "--yes")
        pending = market.json("status")["pending"]
        assert (pending["renames"], pending["deletions"]) == (["cat"], ["dan"])
        assert "Files to rename  cat" in market.run("status").out
        for database in held:
            database.close()
    pending = market.json("status")["pending"]
    assert (pending["renames"], pending["deletions"]) == ([], [])


def test_status_names_files_in_quarantine_and_those_known_behind(market: Cli) -> None:
    """A follower does not stop at a file that is damaged."""
    with credit_trading.open(market.home) as exchange:
        path = exchange.as_admin("test").databases.show_trading_database("ann").path
    edit(path, "DROP TABLE balances")
    market.run("accounts", "deposit", "ann", "USD", "1.00")
    assert market.json("follow", "--once", code=1)["behind"] == 1
    status = market.json("status")
    assert status["views"]["files_behind"] == ["ann"]
    assert [one["user_id"] for one in status["pending"]["quarantined"]] == ["ann"]
    assert "ann" in market.run("status").out


def test_status_names_a_checkpoint_that_cannot_be_used(market: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how old the newest good one is."""
    monkeypatch.setenv("CREDIT_TRADING_CHECKPOINT_EVERY_EVENTS", "1")
    market.run("accounts", "deposit", "cat", "USD", "1.00")
    monkeypatch.undo()
    checkpoints = market.json("status")["checkpoints"]
    assert (checkpoints["events_since"], checkpoints["damaged"]) == (0, [])
    assert 0 <= checkpoints["age_s"] < 60
    for path in (market.home / "checkpoints").glob("*.checkpoint"):
        path.write_bytes(b"rubbish")
    checkpoints = market.json("status")["checkpoints"]
    assert checkpoints["sequence"] is None
    assert len(checkpoints["damaged"]) >= 1


def test_status_of_no_exchange_is_refused(tmp_path: Path) -> None:
    """The hint is a whole command, as a shell reads it, with and without a folder."""
    home = tmp_path / "no where"
    for problem in ("no such folder", "no exchange here"):
        told = Cli(home).refused("status")
        assert problem in told
        assert told.endswith(f" Create one: credit-trading --home '{home}' init.\n")
        home.mkdir(exist_ok=True)


def test_follow_goes_on_until_it_is_told_to_end(market: Cli) -> None:
    """SIGTERM ends it between two files, with exit code 0 and what it did."""
    command = [*PROGRAM, "--home", str(market.home), "follow", "--every", "0.05", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        wait_for_mark(market)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    told = json.loads(out)
    assert told["rounds"] >= 1
    assert (told["files"], told["behind"]) == (4, 0)


def test_follow_says_how_many_files_are_not_there(market: Cli) -> None:
    """A scheduler learns it from the exit code."""
    head = market.json("status")["journal"]["sequence"]
    assert market.run("follow", "--once").out == f"All users' files are at {head} or later, 4 looked at\n"
    with credit_trading.open(market.home) as exchange:
        path = exchange.as_admin("test").databases.show_trading_database("ann").path
    edit(path, "DROP TABLE balances")
    market.run("accounts", "deposit", "ann", "USD", "1.00")
    told = market.run("follow", "--once", code=1).out
    assert told == f"All users' files but 1 are at {head + 1} or later, 1 looked at\n"
    assert market.run("users", "catch-up", code=1).out == "1 user's file is still behind\n"


def test_follow_on_a_terminal_tells_only_what_is_new(market: Cli) -> None:
    """Not a line for each round that looked at nothing."""
    terminal, end = pty.openpty()
    command = [*PROGRAM, "--home", str(market.home), "follow", "--every", "0.05", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, text=True) as process:
        wait_for_mark(market)
        time.sleep(0.5)
        process.terminate()
        out, _ = process.communicate(timeout=30)
    told = os.read(terminal, 65536).decode()
    os.close(end)
    os.close(terminal)
    assert json.loads(out)["rounds"] > 2
    assert told.count("All users' files are at") == 1


def test_a_second_follower_says_for_whom_it_stands_by(market: Cli) -> None:
    """Once, and in the end, too."""
    with credit_trading.open(market.home) as exchange:
        exchange.follow(0.05)
        wait_for_mark(market)
        command = [*PROGRAM, "--home", str(market.home), "follow", "--every", "0.05"]
        once = subprocess.run([*command, "--once"], capture_output=True, text=True, check=True)
        assert (once.stdout, once.stderr) == (f"Followed nothing: process {os.getpid()} does\n", "")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            first = process.stderr.readline()
            time.sleep(0.3)
            process.terminate()
            out, err = process.communicate(timeout=30)
    assert first == f"process {os.getpid()} follows; this one stands by\n"
    assert (out, err) == (once.stdout, "")


def test_follow_takes_a_period_above_zero(market: Cli) -> None:
    assert "above zero" in market.refused("follow", "--once", "--every", "0")


def imported(market: Cli, text: str | bytes, *more: str) -> tuple[int, str, str]:
    words = ["--home", str(market.home), "users", "import", "-", *more]
    result = CliRunner().invoke(main, words, input=text)
    return result.exit_code, result.stdout, result.stderr


def test_users_are_imported_from_a_csv_file(market: Cli, tmp_path: Path) -> None:
    """As spreadsheets write it: a mark at the beginning, quotes, CRLF, an empty line at the end."""
    path = tmp_path / "users.csv"
    path.write_bytes(b'\xef\xbb\xbfuser_id,email\r\neve,"eve@example.com"\r\nfay,fay@example.com\r\n\r\n')
    assert market.json("users", "import", str(path)) == {"created": 2, "already": 0, "refused": []}
    assert market.json("users", "show", "eve")["email"] == "eve@example.com"
    assert market.run("users", "import", str(path), "--skip-existing").out == "Created 0 users, 2 were there already\n"
    path.write_text("user_id,email\neve,eve@example.com\ngil,gil@example.com\n")
    told = market.run("users", "import", str(path), "--skip-existing").out
    assert told == "Created 1 user, 1 was there already\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("user_id,email\neve,eve@example.com\n\nno id,x@example.com\n", 'line 4: "no id": a user id is'),
        ("user_id,email\neve,eve@example.com\nfay,no e-mail\n", 'line 3: "no e-mail": an e-mail has'),
        ("user_id,email\neve,e@example.com\nEve,e@example.com\n", 'line 3: "Eve": the id stands there twice'),
        ("user_id,email\neve,e@example.com\nann,ann@example.com\n", 'line 3: "ann": the user exists'),
        ("user_id,email\neve\n", "line 2: 1 cell, not 2"),
        ("user_id,email\neve,e@example.com,x\n", "line 2: 3 cells, not 2"),
        ('user_id,email\neve,"e@example.com\n', "line 2: not CSV"),
        ("eve,eve@example.com\n", "line 1: the first line must be user_id,email"),
        ("", "line 1: the first line must be user_id,email"),
        (b"user_id,email\n\xff,x@example.com\n", "not UTF-8"),
    ],
    ids=["id", "e-mail", "twice", "exists", "one cell", "three cells", "quote", "no header", "empty", "no UTF-8"],
)
def test_a_bad_line_is_named_and_nothing_is_changed(market: Cli, text: str | bytes, told: str) -> None:
    """One line on standard error, exit code 1."""
    code, out, err = imported(market, text)
    assert (code, out) == (1, "")
    assert told in err
    assert "nothing was changed" in err
    assert err.count("\n") == 1
    assert len(market.json("users", "list")) == 4


def test_the_hint_of_a_bad_line_is_kept(market: Cli) -> None:
    _, _, err = imported(market, "user_id,email\nno id,x@example.com\n")
    assert "For example 42" in err


def test_all_bad_lines_are_named_at_once(market: Cli) -> None:
    """Whatever is wrong with each: cells, names, ids that are taken. The hints, too, each once."""
    text = "user_id,email\nno id,x@example.com\neve\nfay,fay@example.com\nann,ann@example.com\nano ther,y@example.com\n"
    code, out, err = imported(market, text)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith('Error: users.import "standard input": line 2: "no id": a user id is ')
    assert '; line 3: 1 cell, not 2; line 5: "ann": the user exists; line 6: "ano ther": a user id is ' in err
    assert "; nothing was changed." in err
    assert err.count("For example 42") == 1
    assert len(market.json("users", "list")) == 4


def test_ten_bad_lines_are_enough(market: Cli) -> None:
    """A file of something else altogether."""
    _, _, err = imported(market, "user_id,email\n" + "x\n" * 12)
    assert "line 11: 1 cell, not 2; no further line was looked at; nothing was changed" in err
    assert "line 12" not in err


def test_a_file_that_was_imported_before_says_how_to_go_on(market: Cli) -> None:
    _, _, err = imported(market, "user_id,email\nann,ann@example.com\n")
    assert "users import FILE --skip-existing" in err


def test_another_e_mail_is_changed_by_a_whole_command(market: Cli) -> None:
    """As a shell reads it, for the folder that was given, and without a stop behind the e-mail."""
    _, _, err = imported(market, "user_id,email\nann,o'neil@example.com\n", "--skip-existing")
    assert err.count("credit-trading") == 1
    command = shlex.split(err[err.index("credit-trading") :])[1:]
    assert command == ["--home", str(market.home), "users", "email", "ann", "o'neil@example.com"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0
    assert market.json("users", "show", "ann")["email"] == "o'neil@example.com"


def test_a_file_that_is_not_there_is_wrong_usage(market: Cli) -> None:
    market.refused("users", "import", "nowhere.csv", code=2)
