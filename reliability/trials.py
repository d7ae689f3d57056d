"""One operation, one fault, and whether what the caller was told is true.

Here: doing an operation while something fails, looking into the journal by other means than the exchange's own, healing, repeating,
going on. Never here: which operations, which faults.
Always: the exchange is never opened anew because of a fault; whatever is not as it must be raises Untrue, with all one needs to repeat it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import attrs

from credit_trading.errors import OutcomeUnknown, StorageError
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.locks import MARKET_DATA, NEXT, WRITER
from credit_trading.store.sqlite import connect
from reliability.faults import Call, Faults
from reliability.operations import Operation, World


class Untrue(AssertionError):
    """The exchange said what is not so, or was left as it must not be."""


_REFUSED_TO_TIDY_UP = {Call("os.remove", ".writing"), Call("sqlite.delete", ".writing")}


@attrs.frozen
class Strike:
    """`fault` at the call at `site` that comes after so many others there: that one, or all that can fail in this way from then on."""

    fault: str
    site: Call
    after: int
    lasting: bool

    def __str__(self) -> str:
        lasting = ", and from then on" if self.lasting else ""
        return f"{self.fault}: {self.site.operation} of {self.site.file}, after {self.after} others{lasting}"


@attrs.frozen
class Verdict:
    """Where it struck, and what the caller was told: `done`, or the error's code."""

    struck: tuple[Call, ...]
    told: str


class Trials:
    """Trials of one exchange, one after another in one process; `history` is all that was done, in its order."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._serial = 0
        self.history: list[tuple[Operation, int]] = []

    def calls_of(self, operation: Operation) -> list[Call]:
        """The calls it makes where nothing fails."""
        serial = self._prepare(operation)
        self._faults.count_anew()
        operation.act(self._world, serial)
        calls = list(self._faults.calls)
        self._check_done(operation, serial, {operation.whole}, "nothing failed")
        return calls

    def strike(self, operation: Operation, strike: Strike) -> Verdict:
        """The operation while the system refuses one call or more. Raises Untrue."""

        @contextmanager
        def failing() -> Iterator[None]:
            self._faults.arm(strike.fault, strike.site, strike.after, lasting=strike.lasting)
            try:
                yield
            finally:
                self._faults.heal()

        try:
            told = self.run(operation, failing, times=2 if strike.lasting else 1)
        except AssertionError as error:
            raise Untrue(f"{operation.name}; {strike}; {error}") from error
        return Verdict(tuple(self._faults.struck), told)

    def run(self, operation: Operation, failing: Callable[[], AbstractContextManager[None]], *, times: int) -> str:
        """Tries it so often while something fails, then heals, looks, and does it if it was not done. Raises Untrue.

        What the first attempt was told: `done`, or the error's code.
        """
        serial = self._prepare(operation)
        self._faults.count_anew()
        with failing():
            errors = [self._attempt(operation, serial, unknown=False)]
            while errors[-1] is not None and len(errors) < times:
                unknown = any(isinstance(error, OutcomeUnknown) for error in errors)
                errors.append(self._attempt(operation, serial, unknown=unknown))
        told = "; ".join("done" if error is None else str(error) for error in errors)
        done = errors[-1] is None
        unknown = any(isinstance(error, OutcomeUnknown) for error in errors)
        self._check_done(
            operation, serial, {operation.whole} if done else {0, operation.whole} if unknown else {0}, told
        )
        for error in errors:
            self._check_words(error)
        if self._world.exchange is None:
            self._check_released()
        if not done:
            self._repeat(operation, serial, unknown=unknown)
            self._check_done(operation, serial, {operation.whole}, f"{told}; healed and repeated")
        self._check_at_rest()
        return "done" if errors[0] is None else errors[0].code

    def close(self) -> None:
        """Closes the exchange; nothing may be left open."""
        self._world.close()
        self._check_released()

    def _prepare(self, operation: Operation) -> int:
        self._serial += 1
        with self._faults.unseen():
            self._world.switch(eager=operation.eager)
            operation.prepare(self._world, self._serial)
            self._world.open()
        self.history.append((operation, self._serial))
        return self._serial

    def _attempt(self, operation: Operation, serial: int, *, unknown: bool) -> StorageError | None:
        """What it raised. Only after an attempt whose outcome is `unknown` may it say that it was done before."""
        try:
            operation.act(self._world, serial)
        except StorageError as error:
            return error
        except Exception as error:
            if not (unknown and operation.repeated is not None and isinstance(error, operation.repeated)):
                raise Untrue(f"{type(error).__name__}: {error}") from error
        return None

    def _repeat(self, operation: Operation, serial: int, *, unknown: bool) -> None:
        try:
            operation.act(self._world, serial)
        except Exception as error:
            if not (unknown and operation.repeated is not None and isinstance(error, operation.repeated)):
                raise Untrue(f"healed, and yet {type(error).__name__}: {error}") from error

    def _check_words(self, error: StorageError | None) -> None:
        line = str(error)
        folders = (os.fspath(self._world.home), tempfile.gettempdir())
        if error is not None and ("\n" in line or not any(folder in line for folder in folders)):
            raise Untrue(f"the error is not one line that names a file: {line!r}")

    def _check_done(self, operation: Operation, serial: int, possible: set[int], told: str) -> None:
        """As the live file has it, and as it would be found after a crash right now."""
        if operation.done is None:
            return
        with self._faults.unseen(), tempfile.TemporaryDirectory() as folder:
            for home in (self._world.home, _copied(self._world.home, Path(folder))):
                with closing(connect(home / FILE_NAME, mode="ro")) as connection:
                    found = operation.done(connection, serial)
                if found not in possible:
                    where = "the journal" if home == self._world.home else "the journal after a crash"
                    raise Untrue(f"told {told!r}, and {where} holds {found} of {operation.whole}")

    def _check_at_rest(self) -> None:
        """No lock is kept, no connection is lost, nothing unfinished lies about."""
        exchange = self._world.exchange
        assert exchange is not None
        pool, slots = exchange._files.pool, exchange._live.lock_file._file.slots
        if pool._leases or pool.open_count != len(pool._idle):
            raise Untrue(f"the pool has lost a connection: {pool.open_count} open, {len(pool._idle)} idle")
        held = {slot for slot in (NEXT, WRITER, MARKET_DATA) if slot in slots}
        if held:
            raise Untrue(f"locks are still held: {held}")
        left = list(self._world.home.rglob(".writing-*"))
        if left and not _REFUSED_TO_TIDY_UP.intersection(self._faults.struck):
            raise Untrue(f"left behind: {left}")
        for path in left:
            path.unlink()

    def _check_released(self) -> None:
        if left := sorted(set(open_below(self._world.home))):
            raise Untrue(f"closed, and yet open: {left}")


def _copied(home: Path, folder: Path) -> Path:
    """exchange.db as a crash would leave it. By another process: closing a file that SQLite has open drops its locks."""
    present = [path for path in (home / FILE_NAME, home / f"{FILE_NAME}-wal") if path.exists()]
    subprocess.run(["cp", *map(os.fspath, present), os.fspath(folder)], check=True)
    return folder


def open_below(home: Path) -> Iterator[str]:
    """The files below `home` that this process has open, once for each descriptor."""
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            path = os.readlink(f"/proc/self/fd/{descriptor}")
        except FileNotFoundError:
            continue
        if path.startswith(os.fspath(home)):
            yield path
