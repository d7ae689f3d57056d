"""Open connections, kept for the next time.

Here: who may use which connection now, and which is closed when there are too many. Never here: what is opened and how;
the opener and the closer know. Always: a key has at most one connection in this pool, with one user at a time; a
connection in use is never closed, and more than `capacity` are open only while all of them are in use.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Generic, TypeVar

from credit_trading.errors import Busy, StorageError
from credit_trading.store.sqlite import Connection, abandon, sqlite3

_log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)


class _Lease:
    """The right to a key's connection: it goes from one user to the next, and ends when nobody waits for it."""

    __slots__ = ("connection", "waiters")

    def __init__(self, connection: Connection | None) -> None:
        self.connection = connection
        self.waiters: deque[threading.Lock] | None = None  # made for the first thread that has to wait


class _Checkout(Generic[K]):
    """A block that uses a connection. A class, because a generator would cost as much again as the checkout itself."""

    __slots__ = ("_key", "_lease", "_pool", "_timeout_s")

    def __init__(self, pool: ConnectionPool[K], key: K, timeout_s: float) -> None:
        self._pool = pool
        self._key = key
        self._timeout_s = timeout_s

    def __enter__(self) -> Connection:
        self._lease = self._pool._claim(self._key, self._timeout_s)
        return self._lease.connection or self._pool._open(self._key, self._lease)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        reusable = _is_reusable(self._lease.connection)
        self._pool._return(self._key, self._lease, keep=reusable and not _is_from_sqlite(error))
        if error is None:
            assert reusable, f"the connection of {self._key!r} was returned closed or in the middle of a transaction"


class ConnectionPool(Generic[K]):
    """A bounded pool, least recently used out first. Opener and closer are called without any lock of the pool's.

    `hits` and `misses` count the checkouts that found their connection open, and those that had to open it.
    """

    def __init__(
        self,
        opener: Callable[[K], Connection],
        closer: Callable[[K, Connection], None],
        capacity: int,
        *,
        timeout_s: float = 30.0,
    ) -> None:
        assert capacity > 0
        self._opener = opener
        self._closer = closer
        self._capacity = capacity
        self._timeout_s = timeout_s
        self._is_closed = False
        self.hits = 0
        self.misses = 0
        self._forget()

    def _forget(self) -> None:
        self._mutex = threading.Lock()
        self._idle: OrderedDict[K, Connection] = OrderedDict()
        self._leases: dict[K, _Lease] = {}
        self.open_count = 0

    def checkout(self, key: K, *, timeout_s: float | None = None) -> AbstractContextManager[Connection]:
        """The key's connection, for this thread alone until the end of the block.

        It is closed afterwards if SQLite complained or a transaction was left open. Threads are served in order. Do not
        nest for one key: the inner block would wait for the outer one. Raises Busy, and whatever the opener raises.
        """
        return _Checkout(self, key, self._timeout_s if timeout_s is None else timeout_s)

    @contextmanager
    def vacated(self, key: K, *, timeout_s: float | None = None) -> Iterator[None]:
        """The key's connection is closed, and this pool opens no other until the end of the block. Raises Busy."""
        lease = self._claim(key, self._timeout_s if timeout_s is None else timeout_s)
        try:
            self._close(key, lease)
            yield
        finally:
            self._return(key, lease, keep=False)

    def discard(self, key: K, timeout_s: float | None = None) -> None:
        """Close the key's connection once its user is done with it. Raises Busy."""
        with self.vacated(key, timeout_s=timeout_s):
            pass

    def close_idle(self) -> None:
        """Close what nobody is using, for instance before a fork."""
        with self._mutex:
            victims = self._take_idle(down_to=0)
        self._close_all(victims)

    def close(self) -> None:
        """Close everything and refuse from now on; a connection in use is closed when its user returns it."""
        self._is_closed = True
        self.close_idle()

    def abandon(self) -> None:
        """In a forked child: forget all connections without closing them."""
        for connection in (*self._idle.values(), *(lease.connection for lease in self._leases.values())):
            if connection is not None:
                abandon(connection)
        self._forget()

    def _claim(self, key: K, timeout_s: float) -> _Lease:
        with self._mutex:
            self._refuse_if_closed()
            lease = self._leases.get(key)
            if lease is None:
                lease = self._leases[key] = _Lease(self._idle.pop(key, None))
                self.hits += lease.connection is not None
                return lease
            turn = threading.Lock()
            turn.acquire()
            if lease.waiters is None:
                lease.waiters = deque()
            lease.waiters.append(turn)
        self._wait(key, lease, turn, timeout_s)
        return lease

    def _wait(self, key: K, lease: _Lease, turn: threading.Lock, timeout_s: float) -> None:
        granted = False
        try:
            granted = turn.acquire(timeout=max(0.0, timeout_s))
        finally:
            if not granted:
                self._withdraw(key, lease, turn)
        if not granted:
            raise Busy(
                "pool.checkout",
                key,
                f"another thread used the connection for longer than {timeout_s:g} s",
                hint="Repeat it; if it stays so, look for a block that never ends.",
            )
        try:
            with self._mutex:
                self._refuse_if_closed()
                self.hits += lease.connection is not None
        except StorageError:
            self._return(key, lease, keep=False)
            raise

    def _withdraw(self, key: K, lease: _Lease, turn: threading.Lock) -> None:
        with self._mutex:
            if lease.waiters and turn in lease.waiters:
                lease.waiters.remove(turn)
                return
        self._return(key, lease, keep=True)  # the turn came at the last moment: pass it on

    def _open(self, key: K, lease: _Lease) -> Connection:
        with self._mutex:
            self.misses += 1
            self.open_count += 1
            victims = self._take_idle(down_to=self._capacity)
        try:
            self._close_all(victims)
            lease.connection = self._opener(key)
        except BaseException:
            with self._mutex:
                self.open_count -= 1
                self._pass_on(key, lease)
            raise
        return lease.connection

    def _return(self, key: K, lease: _Lease, *, keep: bool) -> None:
        victims: list[tuple[K, _Lease]] = []
        with self._mutex:
            if self._leases.get(key) is not lease:
                return  # forgotten by `abandon`, in a child that was forked inside the block
            if keep and not self._is_closed:
                self._pass_on(key, lease)
                if self.open_count > self._capacity:
                    victims = self._take_idle(down_to=self._capacity)
            else:
                victims.append((key, lease))
        if victims:
            self._close_all(victims)

    def _pass_on(self, key: K, lease: _Lease) -> None:
        if lease.waiters:
            lease.waiters.popleft().release()
            return
        del self._leases[key]
        if lease.connection is not None:
            self._idle[key] = lease.connection

    def _take_idle(self, *, down_to: int) -> list[tuple[K, _Lease]]:
        """Lease the idle connections that must go, so that nobody opens their keys while they are being closed."""
        victims: list[tuple[K, _Lease]] = []
        while self._idle and self.open_count - len(victims) > down_to:
            key, connection = self._idle.popitem(last=False)
            self._leases[key] = _Lease(connection)
            victims.append((key, self._leases[key]))
        return victims

    def _close_all(self, victims: list[tuple[K, _Lease]]) -> None:
        with ExitStack() as stack:  # each lease ends, whatever happens to the others
            for key, lease in reversed(victims):
                stack.callback(self._close_and_pass_on, key, lease)

    def _close_and_pass_on(self, key: K, lease: _Lease) -> None:
        try:
            self._close(key, lease)
        finally:
            with self._mutex:
                self._pass_on(key, lease)

    def _close(self, key: K, lease: _Lease) -> None:
        connection, lease.connection = lease.connection, None
        if connection is None:
            return
        with self._mutex:
            self.open_count -= 1
        try:
            self._closer(key, connection)
        except (sqlite3.Error, OSError, StorageError) as error:  # whoever closes it by accident can do nothing about it
            _log.warning("closing the connection of %r failed: %s", key, error)

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise StorageError("pool.checkout", "", "the pool was closed", hint="Open the exchange again.")


def _is_from_sqlite(error: BaseException | None) -> bool:
    return error is not None and (
        isinstance(error, sqlite3.DatabaseError) or isinstance(error.__cause__, sqlite3.DatabaseError)
    )


def _is_reusable(connection: Connection | None) -> bool:
    try:
        return connection is not None and not connection.in_transaction
    except sqlite3.ProgrammingError:  # closed by its user
        return False
