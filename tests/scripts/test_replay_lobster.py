"""Recorded order flow through the whole exchange: every row's book, and runs that are killed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import attrs
import pytest

import credit_trading
from credit_trading.store.sqlite import connect
from scripts.lobster_plan import Place, Step
from scripts.replay_lobster import Replay
from tests.scripts.conftest import Day, left_behind

ROOT = Path(__file__).resolve().parents[2]

KEYS = (
    "rows rows_exact orders trades known_executions known_executions_filled hidden_executions users files verify_findings"
    " seconds orders_per_s state_digest"
)


def test_a_day_with_a_halt_and_hidden_and_unknown_orders_is_replayed_exactly(tmp_path: Path, made_up: Day) -> None:
    """What comes in a halt is entered when it ends; order 14 is executed out of turn, 99 was never seen to arrive."""
    run = made_up.replay(tmp_path / "home", users=3)
    assert (run.code, run.errors) == (0, "")
    assert " ".join(run.report) == KEYS
    counted = {
        name: value for name, value in run.report.items() if name not in ("seconds", "orders_per_s", "state_digest")
    }
    assert counted == {
        "rows": 13,
        "rows_exact": 13,
        "orders": 8,
        "trades": 3,
        "known_executions": 2,
        "known_executions_filled": 1,
        "hidden_executions": 1,
        "users": 4,
        "files": 4,
        "verify_findings": 0,
    }


def test_times_in_users_files_are_the_files_own(tmp_path: Path, made_up: Day) -> None:
    """34,201 s after midnight in New York, in summer: 13:30:01 UTC."""
    made_up.replay(tmp_path / "home", users=1)
    with credit_trading.open(tmp_path / "home") as exchange:
        trades = exchange.market_data.get_trades("ACME/USD").trades
        halts = [
            entry.data for entry in exchange.as_admin("test").journal() if entry.kind == "instrument_status_changed"
        ]
    assert trades[-1].time == "2012-06-21T13:30:01.000000Z"
    assert [data["halted"] for data in halts] == [True, False]


def test_some_rows_and_then_all_equals_all_at_once(tmp_path: Path, made_up: Day, is_long: bool) -> None:
    """Wherever the first run ends, or in each third place: same digest, same files, nothing more in the journal."""
    whole = made_up.replay(tmp_path / "whole", users=3)
    expected = left_behind(tmp_path / "whole")
    for rows in range(1, 14, 1 if is_long else 3):
        home = tmp_path / str(rows)
        assert made_up.replay(home, users=3, rows=rows).report["rows_exact"] == rows
        again = made_up.replay(home, users=3, rows=99)
        assert _without_times(again.report) == _without_times(whole.report)
        assert left_behind(home) == expected


def test_a_run_that_ends_after_any_commit_goes_on_there(
    tmp_path: Path, made_up: Day, monkeypatch: pytest.MonkeyPatch, is_long: bool
) -> None:
    """With commits as small as they get, so that a row split between two of them would be lost in part; after each, or each third."""
    whole = made_up.replay(tmp_path / "whole", users=3)
    expected = left_behind(tmp_path / "whole")
    monkeypatch.setattr("scripts.replay_lobster.COMMANDS_PER_COMMIT", 1)
    for commits in range(0, 13, 1 if is_long else 3):  # the funds, and the twelve rows that are not idle
        home = tmp_path / str(commits)
        with monkeypatch.context() as patch:
            patch.setattr(credit_trading.Exchange, "submit", _ending_after(commits))
            with pytest.raises(_Ended):
                made_up.replay(home, users=3)
        again = made_up.replay(home, users=3)
        assert _without_times(again.report) == _without_times(whole.report)
        assert left_behind(home) == expected


class _Ended(Exception):
    """Stands for the end of the process."""


def _ending_after(commits: int) -> Callable[..., list[credit_trading.Outcome]]:
    submit = credit_trading.Exchange.submit
    left = iter(range(commits))

    def ending(self: credit_trading.Exchange, commands: list[credit_trading.Prepared]) -> list[credit_trading.Outcome]:
        if next(left, None) is None:
            raise _Ended
        return submit(self, commands)

    return ending


def test_a_replay_that_is_done_changes_nothing_when_repeated(tmp_path: Path, made_up: Day) -> None:
    """The journal does not grow; the report is the same."""
    first = made_up.replay(tmp_path / "home", users=3)
    sequence = _head(tmp_path / "home")
    again = made_up.replay(tmp_path / "home", users=3)
    assert _without_times(again.report) == _without_times(first.report)
    assert _head(tmp_path / "home") == sequence


def test_fewer_rows_than_the_folder_holds_are_refused(tmp_path: Path, made_up: Day) -> None:
    """What is decided stays decided."""
    made_up.replay(tmp_path / "home", users=3)
    run = made_up.replay(tmp_path / "home", users=3, rows=5)
    assert (run.code, run.errors) == (
        1,
        "Error: more than 5 rows are in this folder already: replay at least as many\n",
    )


def test_two_symbols_share_a_folder_and_its_users(tmp_path: Path, make_day: Callable[..., Day]) -> None:
    """Orders of the same name in the two files do not meet."""
    for symbol in ("ACME", "EMCA"):
        run = make_day(symbol=symbol).replay(tmp_path / "home", users=2)
        assert (run.code, run.report["rows_exact"], run.report["users"]) == (0, 13, 3)


@pytest.mark.parametrize("other", ["other files", "other users"])
def test_another_replay_of_the_symbol_in_the_same_folder_is_refused(
    tmp_path: Path, make_day: Callable[..., Day], other: str
) -> None:
    """Its book is not empty, and its rows would be taken for these."""
    make_day(date="2012-06-20").replay(tmp_path / "home", users=2)
    before = _head(tmp_path / "home")
    text = "34200,1,11,100,5000000,1 | - | 5000000,100"
    day = make_day(text) if other == "other files" else make_day(date="2012-06-20")
    run = day.replay(tmp_path / "home", users=2 if other == "other files" else 3)
    assert run.code == 1
    assert run.errors.startswith("Error: ACME/USD is traded here by others than this replay (journal sequence ")
    assert run.errors.count("\n") == 1
    assert _head(tmp_path / "home") == before


def test_a_broken_line_is_named_and_nothing_is_changed(tmp_path: Path, made_up: Day) -> None:
    """The files are read whole before the folder is founded."""
    lines = made_up.messages.read_text().splitlines()
    made_up.messages.write_text("\n".join([*lines[:-1], "34208,3,13,ten,5000000,1"]) + "\n")
    run = made_up.replay(tmp_path / "home")
    assert (run.code, run.errors) == (
        1,
        "Error: ACME_2012-06-21_message_1.csv line 13: size 'ten' is not a whole number\n",
    )
    assert not (tmp_path / "home").exists()


def test_a_price_off_the_tick_is_named_and_nothing_is_changed(tmp_path: Path, make_day: Callable[..., Day]) -> None:
    """Visible orders stand on cents; only hidden ones trade between them."""
    run = make_day("34200,1,11,100,5000050,1 | - | 5000050,100").replay(tmp_path / "home")
    assert (run.code, run.errors) == (1, "Error: row 1: price 500.0050 is off the tick, 0.01\n")
    assert not (tmp_path / "home").exists()


def test_a_currency_of_too_few_decimals_is_refused(tmp_path: Path, made_up: Day) -> None:
    """Prices of hidden executions need four."""
    with credit_trading.open(tmp_path / "home", create=True) as exchange:
        exchange.as_admin("test").assets.add_asset("USD", decimals=2)
    run = made_up.replay(tmp_path / "home")
    assert (run.code, run.errors) == (
        1,
        "Error: USD has 2 decimals here, the replay needs 4: use another folder\n",
    )


def test_a_book_that_is_not_the_files_is_reported(
    tmp_path: Path, made_up: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check reads the journal, not the plan: an order placed at half its size is found, and the replay fails."""
    place = Replay._prepared

    def half(self: Replay, step: Step, command_id: str) -> credit_trading.Prepared:
        smaller = attrs.evolve(step, size=50) if isinstance(step, Place) and step.size == 100 else step
        return place(self, smaller, command_id)

    monkeypatch.setattr(Replay, "_prepared", half)
    run = made_up.replay(tmp_path / "home", users=2, rows=2)
    assert (run.code, run.report["rows_exact"], run.report["rows"]) == (1, 0, 2)
    assert run.errors == "Error: row 1: the book is not the file's\n"


def test_ten_levels_of_apple_are_replayed_exactly(tmp_path: Path, aapl: Day) -> None:
    """All 999 rows, and every execution of a known order fills exactly that one."""
    run = aapl.replay(tmp_path / "home", users=20)
    assert (run.code, run.errors) == (0, "")
    figures = ("rows", "rows_exact", "trades", "known_executions", "known_executions_filled", "hidden_executions")
    assert [run.report[name] for name in figures] == [999, 999, 98, 90, 90, 61]
    assert run.report["verify_findings"] == 0


@pytest.mark.long
def test_a_day_of_google_is_replayed_exactly(tmp_path: Path, goog: Day) -> None:
    """All 49,482 rows; 4,188 of 4,193 executions find the order named at the head of its queue."""
    run = goog.replay(tmp_path / "home", users=1000)
    assert (run.code, run.errors) == (0, "")
    figures = ("rows", "rows_exact", "trades", "known_executions", "known_executions_filled", "hidden_executions")
    assert [run.report[name] for name in figures] == [49_482, 49_482, 7_765, 4_193, 4_188, 3_913]
    assert (run.report["users"], run.report["files"], run.report["verify_findings"]) == (1001, 1001, 0)


def test_a_replay_that_is_killed_ends_as_if_it_had_not_been(tmp_path: Path, goog: Day) -> None:
    """Three SIGKILLs: while it is set up, while orders are decided, while users' files are brought up."""
    _kill_and_compare(tmp_path, goog, kills=3, users=30, rows=800)


@pytest.mark.long
@pytest.mark.parametrize(("users", "rows"), [(100, 9000), (1000, 49_482)])
def test_a_replay_that_is_killed_twenty_times_ends_as_if_it_had_not_been(
    tmp_path: Path, goog: Day, users: int, rows: int
) -> None:
    """The same digest, and the same shared tables in every user's file."""
    _kill_and_compare(tmp_path, goog, kills=20, users=users, rows=rows)


def _kill_and_compare(tmp_path: Path, day: Day, *, kills: int, users: int, rows: int) -> None:
    """One kill in the set-up, a fifth of them while users' files are brought up, the others wherever the journal is then."""
    whole = day.replay(tmp_path / "whole", users=users, rows=rows)
    assert whole.code == 0
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    head, home = _head(tmp_path / "whole"), tmp_path / "killed"
    command = _command(day, home, users=users, rows=rows)
    in_files = max(1, kills // 5)
    in_journal = [chance.randrange(users, head * 9 // 10) for _ in range(kills - 1 - in_files)]
    for sequence in sorted([chance.randrange(1, users), *in_journal]):
        _kill(command, home, sequence=sequence, files=0, delay_s=chance.random() / 200)
    for _ in range(in_files):
        _kill(command, home, sequence=head, files=chance.randrange(1, min(users, 50)), delay_s=chance.random() / 10)
    again = subprocess.run(command, check=True, capture_output=True)
    assert _without_times(json.loads(again.stdout)) == _without_times(whole.report), f"seed {seed}"
    assert left_behind(home) == left_behind(tmp_path / "whole"), f"seed {seed}"


def _kill(command: list[str], home: Path, *, sequence: int, files: int, delay_s: float) -> None:
    """Runs the replay; once its journal has come to `sequence` and it has written that many files, waits a moment and kills it."""
    begun = time.time()
    replay = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while replay.poll() is None and not (_head(home) >= sequence and _touched(home, begun) >= files):
        time.sleep(0.002)
    time.sleep(delay_s)
    replay.send_signal(signal.SIGKILL)
    assert replay.wait() == -signal.SIGKILL, "the replay had ended before it was killed"


def _touched(home: Path, begun: float) -> int:
    """How many of users' files, their WALs included, were written since; files come and go meanwhile."""
    touched = 0
    for path in home.glob("trading_*"):
        with suppress(FileNotFoundError):
            touched += path.stat().st_mtime >= begun
    return touched


def _command(day: Day, home: Path, **options: int) -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / "replay_lobster.py"), *day.arguments(home, **options)]


def _head(home: Path) -> int:
    """The journal's last sequence; 0 before there is one."""
    path = home / "exchange.db"
    if not path.exists() or not path.stat().st_size:
        return 0
    connection = connect(path, mode="ro")
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'journal'").fetchone()[0]:
            return 0
        head: int = connection.execute("SELECT max(sequence) FROM journal").fetchone()[0]
    finally:
        connection.close()
    return head


def _without_times(report: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in report.items() if name not in ("seconds", "orders_per_s")}
