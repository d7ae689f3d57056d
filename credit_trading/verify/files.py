"""One user's file: where it stands, what it says of balances, and whether all of it is what the journal gives.

Here: looking at the file as it is, and rebuilding it beside (deep). Never here: the catalogue's row (catalogue), comparing tables (tables).
Always: a quick look changes nothing; a deep one first brings a file forward that is behind, as any reading does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import attrs

from credit_trading.clock import format_time
from credit_trading.errors import NotFound
from credit_trading.money.amount import format_units
from credit_trading.store.sqlite import Connection
from credit_trading.trading.desk import Desk
from credit_trading.users import private, quarantine
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.standing import Standing
from credit_trading.users.tables.schema import APPLICATION_ID, SCHEMA_VERSION
from credit_trading.verify import schema
from credit_trading.verify.finding import Finding, guarded, shortened
from credit_trading.verify.followers import Followers
from credit_trading.verify.tables import first_differences

MADE_WITHIN_S = 0.5
"""A new user's file, after the commit that made the user."""


@attrs.define
class Seen:
    """By their users' numbers: whose files were looked at, and what was noticed on the way that is nothing wrong."""

    files: set[int] = attrs.Factory(set)
    behind: set[int] = attrs.Factory(set)
    outdated: set[int] = attrs.Factory(set)
    missing: dict[int, StoredUser] = attrs.Factory(dict)
    passed_over: set[str] = attrs.Factory(set)
    """Ids of users whose row in the catalogue is wrong: what is made from it says nothing of their files."""


@attrs.frozen
class _History:
    """A user as the exchange knows them just now; balances by asset, as posted and held."""

    last_sequence: int
    events: int
    open_orders: int
    balances: dict[str, tuple[int, int]]
    decimals: dict[str, int]


class UserFileCheck:
    """For the files of one exchange. `compares` is whether the journal can be replayed and the state be read."""

    def __init__(self, desk: Desk, followers: Followers, *, deep: bool, compares: bool) -> None:
        self._desk = desk
        self._home = desk.live.path.parent
        self._followers = followers
        self._deep = deep
        self._compares = compares
        self.seen = Seen()

    def check(self, user: StoredUser) -> list[Finding]:
        """All that is wrong with the file of an active user, as far as it can be told at one look."""
        return list(guarded(lambda: self._check(user), file=self._name(user), row=_row(user), repair=_rebuild(user)))

    def still_missing(self) -> Iterator[Finding]:
        """Once all have been looked at: those that were not there and are not there now. A new user's is made just after the commit."""
        deadline = time.monotonic() + MADE_WITHIN_S
        for number, user in self.seen.missing.items():
            while is_missing := self._is_missing(number):
                if time.monotonic() > deadline:
                    break
                time.sleep(MADE_WITHIN_S / 20)
            if is_missing:
                repair = "It is made anew from the journal when it is next read, or by: credit-trading users catch-up"
                yield self._finding(user, "the file is missing", repair=repair)

    def _is_missing(self, number: int) -> bool:
        with suppress(NotFound), self._desk.files.as_it_is(number) as connection:
            return connection is None
        return False

    def _check(self, user: StoredUser) -> Iterator[Finding]:
        with self._desk.live.history() as log:
            listed = quarantine.find(log.connection, user.number)
            marked = private.is_marked(log.connection, user.number)
        if listed is not None:
            problem = f"in quarantine since {format_time(listed.since_us)}: {listed.problem}"
            yield self._finding(user, problem)
            return
        yield from self._check_names(user)
        with self._desk.files.as_it_is(user.number) as connection:
            if connection is None:
                yield from self._check_missing(user, marked=marked)
                return
            found = list(self._check_content(connection, user))
            yield from found
            if found or not self._deep or not self._compares:
                return
            if not self._is_behind(connection, user):
                yield from self._compare(connection, user, marked=marked)
                return
        with self._desk.projector.caught_up(user.number):
            pass
        self.seen.behind.discard(user.number)
        self.seen.outdated.discard(user.number)
        with self._desk.files.as_it_is(user.number) as connection:
            if connection is not None:
                yield from self._compare(connection, user, marked=marked)

    def _check_names(self, user: StoredUser) -> Iterator[Finding]:
        """While a file is being renamed it has one of its two names."""
        names = [name for name in (user.file_name, user.previous_file_name) if name is not None]
        if len(names) == 2 and all((self._home / name).exists() for name in names):
            problem = f"it was to be renamed from {names[1]}, and both names are taken"
            yield self._finding(
                user, problem, repair="Find out which of the two is the user's, and move the other away."
            )

    def _check_missing(self, user: StoredUser, *, marked: bool) -> Iterator[Finding]:
        if not marked:
            self.seen.missing[user.number] = user  # it may be about to be made: see still_missing
        else:
            problem = "the file is missing, and it held facts that the journal does not know"
            repair = (
                f"Put it back from a backup: credit-trading backup restore --from PLACE --user {user.user_id};"
                f" or accept their loss: credit-trading rebuild {user.user_id} --accept-loss."
            )
            yield self._finding(user, problem, repair=repair)

    def _check_content(self, connection: Connection, user: StoredUser) -> Iterator[Finding]:
        """Whose it is, where it stands, and what it says of balances."""
        self.seen.files.add(user.number)
        name, row, repair = self._name(user), _row(user), _rebuild(user)
        if self._deep:
            damage = list(schema.check_integrity(connection, file=name, repair=repair))
            yield from damage
            if damage:
                return
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < SCHEMA_VERSION and connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
            self.seen.outdated.add(user.number)
            return
        settings = {"application_id": APPLICATION_ID, "version": SCHEMA_VERSION}
        yield from schema.check_settings(connection, **settings, file=name, repair=repair)
        path = self._home / name
        standing = Standing.of(connection, path)
        with self._desk.live.history() as log:
            exchange_id = log.exchange_id
        standing.check_owner(path, exchange_id=exchange_id, number=user.number)
        standing.check_version(path)
        off = self._followers.check(standing.position, file=name, row=row, repair=repair)
        yield from off
        if self._compares and not off and not standing.is_outdated:
            yield from self._check_balances(connection, user)

    def _check_balances(self, connection: Connection, user: StoredUser) -> Iterator[Finding]:
        """Of a file that is not behind; the position and the balances are read at one moment, the exchange's after that."""
        connection.execute("BEGIN")
        try:
            standing = Standing.of(connection, self._home / self._name(user))
            found = {
                asset: (posted, held)
                for asset, posted, held in connection.execute("SELECT asset, posted, held FROM balances")
            }
            (orders,) = connection.execute("SELECT count(*) FROM active_orders").fetchone()
        finally:
            connection.execute("ROLLBACK")
        now = self._history(user.number)
        if standing.position.sequence < now.last_sequence:
            self.seen.behind.add(user.number)
            return
        if (standing.position.sequence, standing.events) != (now.last_sequence, now.events):
            yield self._finding(
                user,
                "it does not stand at the end of its owner's history",
                expected=f"event {now.events} at sequence {now.last_sequence}",
                found=f"event {standing.events} at sequence {standing.position.sequence}",
            )
            return
        for asset in sorted(found.keys() | now.balances.keys()):
            expected_units, found_units = now.balances.get(asset, (0, 0)), found.get(asset, (0, 0))
            if expected_units != found_units:
                decimals = now.decimals.get(asset, 0)
                yield self._finding(
                    user,
                    "posted and held are not what the exchange has",
                    row=f"balances {asset}",
                    expected=_amounts(expected_units, decimals),
                    found=_amounts(found_units, decimals),
                )
        if orders != now.open_orders:
            yield self._finding(
                user,
                "not as many orders as are open",
                row="active_orders",
                expected=str(now.open_orders),
                found=str(orders),
            )

    def _is_behind(self, connection: Connection, user: StoredUser) -> bool:
        standing = Standing.of(connection, self._home / self._name(user))
        return standing.is_outdated or standing.position.sequence < self._history(user.number).last_sequence

    def _compare(self, connection: Connection, user: StoredUser, *, marked: bool) -> Iterator[Finding]:
        """Every object of the schema, and every row that follows from the journal."""
        name, repair = self._name(user), _rebuild(user)
        own = schema.of_user_file()
        found = schema.objects_of(connection)
        private_ones = schema.private_objects(found, own)
        if not marked:
            yield from schema.check_private(private_ones, file=name)
        yield from schema.check_objects(found, own, file=name, repair=repair, known=private_ones)
        connection.execute("BEGIN")
        try:
            standing = Standing.of(connection, self._home / name)
            sequence, events = standing.position.sequence, standing.events
            with self._desk.projector.rebuilt(user.number, sequence=sequence, events=events) as rebuilt:
                for difference in first_differences(connection, rebuilt):
                    yield self._finding(
                        user,
                        difference.problem,
                        row=difference.row,
                        expected=difference.expected,
                        found=difference.found,
                    )
        finally:
            connection.execute("ROLLBACK")

    def _history(self, number: int) -> _History:
        with self._desk.live.reading() as replica:
            state = replica.users[number]
            balances = {asset: (one.posted, one.held) for asset, one in replica.accounts.of(number).items()}
            open_orders = sum(len(orders) for orders in state.open_orders.values())
            decimals = {code: asset.decimals for code, asset in replica.assets.items()}
            return _History(state.last_sequence, state.event_count, open_orders, balances, decimals)

    def _name(self, user: StoredUser) -> str:
        """Under which the file is there, or will be."""
        new, old = user.file_name or "", user.previous_file_name
        return old if old is not None and not (self._home / new).exists() else new

    def _finding(
        self,
        user: StoredUser,
        problem: str,
        *,
        row: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        repair: str | None = None,
    ) -> Finding:
        return Finding(
            file=self._name(user),
            row=_row(user) if row is None else f"{_row(user)}, {row}",
            problem=problem,
            expected=expected,
            found=found,
            repair=repair or _rebuild(user),
        )


def _amounts(units: tuple[object, object], decimals: int) -> str:
    """As decimal text; in an edited file there may be something else than a whole number."""
    return " and ".join(format_units(one, decimals) if isinstance(one, int) else shortened(one) for one in units)


def _row(user: StoredUser) -> str:
    return f"user {user.user_id}"


def _rebuild(user: StoredUser) -> str:
    return f"credit-trading rebuild {user.user_id}"
