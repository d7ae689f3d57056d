"""One process of a crowd: its threads trade, each as a trader of its own, until they are told to stop or the process is killed.

Here: what it does, and what its parent sees of it. Never here: who is killed when (crowd).
Always: what it says stands in files, written in one piece each, so that nothing is lost with it; whoever forked it reaps it.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

import credit_trading
from credit_trading import Exchange, SystemClock
from credit_trading.errors import TradingError
from reliability.acts import Act
from reliability.seats import Phase, Seats
from reliability.workload import NextAct, RandomTrader

TROUBLE = {"busy", "storage_error", "file_corrupt", "file_foreign", "unwritable", "not_taken", "version_unsupported"}
"""Errors that say that a file, a lock or the disk is at fault; in a crowd on a sound disk there are none."""


_SLOW_S = 2.5
"""An act that is noted."""


class End(msgspec.Struct, frozen=True):
    """Where a replica stands."""

    sequence: int
    digest: str


class Member:
    """A forked process, seen from its parent. `said` is the beginning of the names of its files."""

    def __init__(self, pid: int, said: Path, seats: Seats, seat: int) -> None:
        self.name = said.name
        self.seat = seat
        self._pid = pid
        self._said = said
        self._seats = seats
        self._is_reaped = False

    @classmethod
    def forked(cls, said: Path, seats: Seats, seat: int, work: Callable[[Path], object]) -> Member:
        """Fork while nothing of the folder is open in this process. The child ends when the work returns."""
        pid = os.fork()
        if pid == 0:
            _be_the_child(work, said)
        return cls(pid, said, seats, seat)

    @property
    def acts(self) -> list[int]:
        """Of each thread, how many it has done."""
        return [self._seats.acts(self.seat, thread) for thread in self._seats.threads]

    @property
    def comparable_acts(self) -> list[int]:
        """Of each thread that is not held up by an act of its own that may take as long as it does."""
        seats, seat = self._seats, self.seat
        return [seats.acts(seat, thread) for thread in seats.threads if not seats.is_exempt(seat, thread)]

    @property
    def longest_s(self) -> float:
        """Of all acts, one that is under way included."""
        return max(self._seats.longest_s(self.seat, thread) for thread in self._seats.threads)

    @property
    def under_way_s(self) -> float:
        """For how long at most a thread has been busy with one act."""
        return max(self._seats.under_way_s(self.seat, thread) for thread in self._seats.threads)

    @property
    def lines(self) -> list[bytes]:
        """What its traders said; see `told_in`."""
        return _read(self._said, ".told").splitlines(keepends=True)

    @property
    def troubles(self) -> list[str]:
        """What went wrong in it."""
        return _read(self._said, ".troubles").decode().splitlines()

    @property
    def slow(self) -> list[str]:
        """Its acts that took long, if they came to an end."""
        return _read(self._said, ".slow").decode().splitlines()

    @property
    def end(self) -> End | None:
        """Where it stood when nobody wrote any more; None if it did not come so far."""
        said = _read(self._said, ".end")
        return msgspec.json.decode(said, type=End) if said else None

    def stacks(self) -> str:
        """Of all its threads, as they are now."""
        if not self._is_reaped:
            os.kill(self._pid, signal.SIGUSR1)
            time.sleep(1)
        return _read(self._said, ".stacks").decode()

    def kill(self) -> None:
        """With SIGKILL; nothing happens to one that has ended."""
        if not self._is_reaped:
            self._is_reaped = True
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def ended(self, *, within_s: float) -> bool:
        """Waits for it to end by itself."""
        deadline = time.monotonic() + within_s
        while not self._is_reaped and time.monotonic() < deadline:
            if os.waitpid(self._pid, os.WNOHANG)[0]:
                self._is_reaped = True
            time.sleep(0.01)
        return self._is_reaped


def work_of(home: Path, said: Path, seats: Seats, seat: int, *, seed: str) -> None:
    """What a process of the crowd does, from its beginning to its end."""
    with credit_trading.open(home, clock=SystemClock()) as exchange:
        threads = [
            threading.Thread(target=_trade, args=(exchange, said, seats, seat, thread, f"{seed}/{thread}"))
            for thread in seats.threads
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seats.finish(seat)
        while seats.phase is not Phase.CLOSED:
            time.sleep(0.01)
        end = End(exchange.sequence, exchange.state_digest())
    _say(said, ".end", msgspec.json.encode(end))


def _trade(exchange: Exchange, said: Path, seats: Seats, seat: int, thread: int, seed: str) -> None:
    told = _opened(said, ".told")
    name = f"{said.name}.t{thread}"
    trader = _Trader(exchange, clock=SystemClock(), seed=seed, name=name, descriptor=told)
    trader.said = said
    trader.exempt = lambda: seats.exempt(seat, thread)
    try:
        while seats.phase is Phase.TRADING:
            seats.begin(seat, thread)
            trader.step()
            seats.end(seat, thread)
    except BaseException:  # noqa: BLE001 - the root of a thread: what went wrong is said, and the parent reports it
        _say(said, ".troubles", repr(traceback.format_exc()).encode() + b"\n")
    finally:
        os.close(told)


class _Trader(RandomTrader):
    """Says what kept it from looking, unless that is what a market says."""

    said: Path
    exempt: Callable[[], None]

    def _step(self, next_act: NextAct) -> None:
        def watched(trader: RandomTrader, user: str) -> Act | None:
            try:
                return next_act(trader, user)
            except TradingError as error:
                if error.code in TROUBLE:
                    _say(self.said, ".troubles", f"{self.name}, while it looked: {error}\n".encode())
                raise

        if next_act is RandomTrader.rebuild:  # longer with every event of its user, and nothing that others wait for
            self.exempt()
        began = time.monotonic()
        super()._step(watched)
        took_s = time.monotonic() - began
        if took_s > _SLOW_S:
            _say(self.said, ".slow", f"{self.name}-{self.done}, {next_act.__name__}: {took_s:.1f} s\n".encode())


def _be_the_child(work: Callable[[Path], object], said: Path) -> None:
    code = 3
    try:
        with open(f"{said}.stacks", "wb") as stacks:
            faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=True)
            work(said)
        code = 0
    except BaseException:  # noqa: BLE001 - the root of a process
        _say(said, ".troubles", repr(traceback.format_exc()).encode() + b"\n")
    finally:
        os._exit(code)


def _opened(said: Path, suffix: str) -> int:
    return os.open(f"{said}{suffix}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _say(said: Path, suffix: str, data: bytes) -> None:
    descriptor = _opened(said, suffix)
    os.write(descriptor, data)
    os.close(descriptor)


def _read(said: Path, suffix: str) -> bytes:
    path = Path(f"{said}{suffix}")
    return path.read_bytes() if path.exists() else b""
