"""Who may do what with whose: every public method that a user, an administrator acting for a user, or an administrator can reach.

Here: for each method that takes an id, what becomes of the caller's own, of another user's, and of one that nobody has. The methods are
found by reflection, so one that is new must be entered here. Never here: what methods do with what is the caller's (their own tests).
"""

from __future__ import annotations

import inspect
import io
import itertools
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from credit_trading import Admin, Prepared, Settings, TradingError, User
from credit_trading.errors import CommandConflict, InvalidInput, NotFound
from credit_trading.store.sqlite import sqlite3
from credit_trading.users.tables.schema import SHARED_TABLES
from tests.floor import CASH, CREDIT, SYMBOL, Floor, opened, rows_of

WORKS, NOT_FOUND, INVALID, CONFLICT, NOTHING, REJECTED = (
    "works",
    "not found",
    "invalid",
    "conflict",
    "nothing",
    "rejected",
)
"""NOTHING: an answer without rows. REJECTED: the exchange says no, which stands in the caller's own history."""

ERRORS = {NOT_FOUND: NotFound, INVALID: InvalidInput, CONFLICT: CommandConflict}

SECRETS = re.compile("bob@example.com|bobs-place|bobs-request|bobs-[a-z]+-[0-9]+|31777")
"""Of bob's: e-mail, origin, correlation id, names, and a quantity."""

GIVEN: set[str] = set()
"""What the others were told of it, to try it."""

QUANTITIES = {"ann": 21777, "bob": 31777}

Call = Callable[[Any, Any], object]


@attrs.define
class Ids:
    """Things of one user, made when they are asked for; of nobody, names that stand for nothing."""

    floor: Floor
    owner: str | None
    numbers: Iterator[int]

    @property
    def user(self) -> User:
        """The owner, saying where they are."""
        assert self.owner is not None
        return self.floor.exchange.as_user(
            self.owner, origin=f"{self.owner}s-place", correlation_id=f"{self.owner}s-request"
        )

    @property
    def managed(self) -> Any:
        assert self.owner is not None
        return self.floor.admin.on_behalf_of(self.owner)

    def _name(self, what: str) -> str:
        return f"{self.owner or 'nobody'}s-{what}-{next(self.numbers)}"

    def _place(self, **more: Any) -> int:
        assert self.owner is not None
        return int(self.user.orders.create_order(SYMBOL, "buy", QUANTITIES[self.owner], "0.01", **more).order_id)

    def order(self) -> int:
        return self._place() if self.owner else 10**9

    def client_order_id(self) -> str:
        name = self._name("order")
        if self.owner:
            self._place(client_order_id=name)
        return name

    def external_order(self) -> int:
        return self._place(route="external") if self.owner else 10**9

    def command_id(self) -> str:
        name = self._name("command")
        if self.owner:
            self._place(command_id=name)
        return name

    def full_command_id(self) -> str:
        number = {"ann": 1, "bob": 2, None: 99}[self.owner]
        return f"user{number}/id/{self.command_id()}"

    def key(self) -> str:
        name = self._name("key")
        if self.owner:
            self.managed.transactions.record_transaction("deposit", CASH, 3, key=name)
        return name

    def reference(self) -> str:
        name = self._name("reference")
        if self.owner:
            self.managed.transactions.record_transaction("deposit", CASH, 3, external_reference=name)
        return name

    def transaction(self) -> int:
        return int(self.floor.admin.accounts.deposit(self.owner, CASH, 1).sequence) if self.owner else 10**9

    def pending(self) -> int:
        if not self.owner:
            return 10**9
        entered = self.managed.transactions.record_transaction("withdrawal", CASH, 1, status="pending")
        return int(entered.transaction_id)

    def trade(self) -> int:
        """With cat."""
        if not self.owner:
            return 10**9
        self.floor.place("cat", "sell", 1, "2.00")
        self.user.orders.create_order(SYMBOL, "buy", 1, "2.00")
        return int(self.floor.user("cat").transactions.get_transaction_history(limit=1)[0].trade_id or 0)

    def sequence(self) -> int:
        return int(self.floor.admin.accounts.deposit(self.owner, CASH, 1).sequence) if self.owner else 10**9

    def correlation_id(self) -> str:
        return f"{self.owner or 'nobody'}s-request"

    def cursor(self, ask: Callable[[Any], Any]) -> str:
        if not self.owner:
            return "nonsense"
        for _ in range(2):
            self.user.orders.cancel_order(self.order())
            self.transaction()
        cursor = ask(self.user).next
        assert isinstance(cursor, str)
        return cursor


@attrs.frozen
class Row:
    """One method with one kind of id, which is the name of a method of `Ids`, or a question whose cursor it is."""

    method: str
    kind: str | Callable[[Any], Any] | None
    call: Call
    other: str = WORKS
    unknown: str = WORKS
    own: str = WORKS

    def __str__(self) -> str:
        return f"{self.method} {self.kind if isinstance(self.kind, str) else 'cursor' if self.kind else ''}".strip()


def _paged(method: str, ask: Callable[..., Any]) -> Row:
    """A cursor is good for the user alone who was given it."""
    return Row(method, lambda user: ask(user, None), lambda user, cursor: ask(user, cursor), INVALID, INVALID)


def _missing(method: str, kind: str, call: Call) -> Row:
    return Row(method, kind, call, NOT_FOUND, NOT_FOUND)


def _filter(method: str, kind: str, call: Call) -> Row:
    return Row(method, kind, call, NOTHING, NOTHING)


def _plain(method: str, call: Callable[[Any], object]) -> Row:
    return Row(method, None, lambda user, _: call(user))


def _own_name(method: str, kind: str, call: Call, own: str = WORKS) -> Row:
    """Names that one user gives are none of another's: they are new."""
    return Row(method, kind, call, own=own)


def _order(user: Any, **more: Any) -> object:
    return user.orders.create_order(SYMBOL, "buy", QUANTITIES["ann"], "0.01", **more)


def _history(user: Any, **asked: Any) -> Any:
    return user.transactions.get_transaction_history(**asked)


OWN: tuple[Row, ...] = (
    # Orders
    _own_name("orders.create_order", "client_order_id", lambda user, name: _order(user, client_order_id=name)),
    _own_name("orders.create_order", "command_id", lambda user, name: _order(user, command_id=name)),
    Row("orders.create_order", "full_command_id", lambda user, name: _order(user, command_id=name), INVALID, INVALID),
    _own_name(
        "orders.prepare_order",
        "client_order_id",
        lambda user, name: user.orders.prepare_order(SYMBOL, "buy", QUANTITIES["ann"], "0.01", client_order_id=name),
    ),
    _missing("orders.amend_order", "order", lambda user, order: user.orders.amend_order(order, quantity=2)),
    _missing(
        "orders.amend_order",
        "client_order_id",
        lambda user, name: user.orders.amend_order(client_order_id=name, quantity=2),
    ),
    _missing(
        "orders.prepare_amend", "order", lambda user, order: user.orders.prepare_amend(order, symbol=SYMBOL, quantity=2)
    ),
    _missing(
        "orders.prepare_amend",
        "client_order_id",
        lambda user, name: user.orders.prepare_amend(symbol=SYMBOL, client_order_id=name, quantity=2),
    ),
    _missing("orders.cancel_order", "order", lambda user, order: user.orders.cancel_order(order)),
    _missing(
        "orders.cancel_order", "client_order_id", lambda user, name: user.orders.cancel_order(client_order_id=name)
    ),
    _missing("orders.prepare_cancel", "order", lambda user, order: user.orders.prepare_cancel(order)),
    _missing(
        "orders.prepare_cancel", "client_order_id", lambda user, name: user.orders.prepare_cancel(client_order_id=name)
    ),
    _own_name(
        "orders.cancel_all_orders",
        "command_id",
        lambda user, name: user.orders.cancel_all_orders(symbol=SYMBOL, command_id=name),
        CONFLICT,
    ),
    _plain("orders.prepare_cancel_all", lambda user: user.orders.prepare_cancel_all()),
    _plain("orders.get_active_orders", lambda user: user.orders.get_active_orders()),
    _missing("orders.get_order", "order", lambda user, order: user.orders.get_order(order)),
    _missing("orders.get_order", "client_order_id", lambda user, name: user.orders.get_order(client_order_id=name)),
    _paged(
        "orders.get_order_history",
        lambda user, after: user.orders.get_order_history(limit=1, after=after),
    ),
    _paged("orders.get_orders", lambda user, after: user.orders.get_orders(limit=1, after=after)),
    _filter("orders.get_orders", "client_order_id", lambda user, name: user.orders.get_orders(client_order_id=name)),
    # Transactions
    _missing(
        "transactions.get_transaction", "transaction", lambda user, number: user.transactions.get_transaction(number)
    ),
    _paged("transactions.get_transaction_history", lambda user, after: _history(user, limit=1, after=after)),
    _filter("transactions.get_transaction_history", "trade", lambda user, number: _history(user, trade_id=number)),
    Row(
        "transactions.get_transaction_history",
        "order",
        lambda user, number: _history(user, order_id=number),
        NOTHING,
        NOTHING,
        NOTHING,
    ),
    _filter(
        "transactions.get_transaction_history", "reference", lambda user, name: _history(user, external_reference=name)
    ),
    _plain("transactions.calculate_trading_statistics", lambda user: user.transactions.calculate_trading_statistics()),
    _plain("transactions.get_cost_method", lambda user: user.transactions.get_cost_method()),
    _own_name(
        "transactions.set_cost_method",
        "command_id",
        lambda user, name: user.transactions.set_cost_method("fifo", command_id=name),
        CONFLICT,
    ),
    # Audit
    _missing("audit.get_event", "sequence", lambda user, sequence: user.audit.get_event(sequence)),
    _paged("audit.list_events", lambda user, after: user.audit.list_events(limit=1, after=after)),
    _filter("audit.list_events", "order", lambda user, order: user.audit.list_events(order_id=order)),
    _filter("audit.list_events", "command_id", lambda user, name: user.audit.list_events(command_id=name)),
    _filter("audit.list_events", "full_command_id", lambda user, name: user.audit.list_events(command_id=name)),
    Row(
        "audit.list_events",
        "correlation_id",
        lambda user, name: user.audit.list_events(correlation_id=name),
        NOTHING,
        NOTHING,
        WORKS,
    ),
    # Balances
    _plain("accounts.get_balances", lambda user: user.accounts.get_balances()),
    _plain("accounts.get_balance_at", lambda user: user.accounts.get_balance_at(CASH, "2026-01-01T00:00:00Z")),
    _plain("accounts.get_balances_at", lambda user: user.accounts.get_balances_at("2026-01-01T00:00:00Z")),
    _plain("accounts.get_balance_history", lambda user: user.accounts.get_balance_history(CASH)),
    _plain("accounts.get_net_flow", lambda user: user.accounts.get_net_flow()),
    _paged(
        "accounts.get_running_balance",
        lambda user, after: user.accounts.get_running_balance(CASH, limit=1, after=after),
    ),
    _plain("statements.get_statement", lambda user: user.statements.get_statement()),
    _plain("statements.open_statement", lambda user: _opened(user)),
    _plain("statements.write_statement", lambda user: _written(user)),
    # All of it
    _plain("get_trading_database", lambda user: _tables(user)),
)
"""What a user can do, and an administrator for a user."""

MANAGED: tuple[Row, ...] = (
    _missing(
        "orders.update_order_progress",
        "external_order",
        lambda user, order: user.orders.update_order_progress(order, quantity=1, price="0.01"),
    ),
    _missing(
        "orders.complete_order",
        "external_order",
        lambda user, order: user.orders.complete_order(order, price="0.01"),
    ),
    _missing(
        "orders.prepare_progress",
        "external_order",
        lambda user, order: user.orders.prepare_progress(order, symbol=SYMBOL, quantity=1, price="0.01"),
    ),
    _own_name(
        "transactions.record_transaction",
        "key",
        lambda user, name: user.transactions.record_transaction("deposit", CASH, 3, key=name),
    ),
    _own_name(
        "transactions.record_transaction",
        "reference",
        lambda user, name: user.transactions.record_transaction("deposit", CASH, 3, external_reference=name),
    ),
    _own_name(
        "transactions.prepare_transaction",
        "key",
        lambda user, name: user.transactions.prepare_transaction("deposit", CASH, 3, key=name),
    ),
    _missing(
        "transactions.update_transaction_status",
        "pending",
        lambda user, number: user.transactions.update_transaction_status(number, "cancelled"),
    ),
)
"""What only an administrator can do for a user."""

PUBLIC = {
    "market_data.check": lambda user: user.market_data.check(),
    "market_data.get_best": lambda user: user.market_data.get_best(SYMBOL),
    "market_data.get_book": lambda user: user.market_data.get_book(SYMBOL),
    "market_data.get_orders": lambda user: user.market_data.get_orders(SYMBOL),
    "market_data.get_trades": lambda user: user.market_data.get_trades(SYMBOL),
}
"""The same for everybody, and of nobody."""

NAMES_OF_USERS = {
    "user",
    "user_id",
    "users",
    "number",
    "buyer",
    "seller",
    "owner",
    "account",
    "email",
    "sweep_to",
    "actor",
}
"""What a parameter may be called that says whose something is. In a filter of one's own rows, `actor` is who did it."""


def _opened(user: Any) -> object:
    with user.statements.open_statement() as statement:
        return statement.statement


def _written(user: Any) -> str:
    page = io.BytesIO()
    user.statements.write_statement(page)
    return page.getvalue().decode()


def _tables(user: Any) -> list[Any]:
    """All rows of the user's own file that can be read, which cannot be written by this handle."""
    database = user.get_trading_database()
    try:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database.execute("DELETE FROM balances")
        return [list(database[table].rows) for table in SHARED_TABLES]
    finally:
        database.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """Ann and bob, each with something of everything."""
    folder = tmp_path_factory.mktemp("matrix")
    with opened(folder / "trading", settings=Settings(host_url=f"sqlite:///{folder}/host.db")) as exchange:
        floor = Floor(exchange).set_up("ann", "bob", "cat")
        for owner in ("ann", "bob"):
            ids = Ids(floor, owner, itertools.count())
            for make in (ids.order, ids.client_order_id, ids.command_id, ids.key, ids.transaction, ids.trade):
                make()
        floor.place("bob", "sell", 5, "3.00")
        floor.user("ann").orders.create_order(SYMBOL, "buy", 5, "3.00")
        yield floor


NUMBERS = itertools.count(100)


def _cells(rows: tuple[Row, ...]) -> list[Any]:
    return [
        pytest.param(row, owner, id=f"{row}-{owner or 'nobody'}")
        for row in rows
        for owner in (("ann", "bob", None) if row.kind else ("ann",))
    ]


def _as(world: Floor, role: str) -> Any:
    return world.user("ann") if role == "user" else world.admin.on_behalf_of("ann")


def _tried(world: Floor, row: Row, owner: str | None, role: str) -> tuple[str, str]:
    """What became of it, and its words, without the id. What was refused has changed nothing; what was told is nothing of bob's."""
    ids = Ids(world, owner, NUMBERS)
    if row.kind is None:
        given: Any = None
    else:
        given = getattr(ids, row.kind)() if isinstance(row.kind, str) else ids.cursor(row.kind)
    caller = _as(world, role)
    before, bobs = _standing(world), _events_of_bob(world)
    try:
        answer = _done_with(world, row.call(caller, given))
    except TradingError as error:
        assert _standing(world) == before, f"{row} was refused and has changed something"
        came = next(name for name, kind in ERRORS.items() if isinstance(error, kind))
        told = str(error)
    else:
        came, told = NOTHING if hasattr(answer, "__len__") and not answer else WORKS, str(answer)
    GIVEN.add(str(given))
    assert [secret for secret in SECRETS.findall(told) if not any(secret in one for one in GIVEN)] == []
    assert _events_of_bob(world) == bobs, f"{row} has changed something of bob's"
    return came, told.replace(str(given), "ID")


def _standing(world: Floor) -> tuple[int, str]:
    return world.exchange.sequence, world.exchange.state_digest()


def _events_of_bob(world: Floor) -> int:
    with world.exchange._live.reading() as replica:
        return replica.users[2].event_count


def _done_with(world: Floor, answer: object) -> object:
    """A prepared command is submitted, and refused in the exchange if it is."""
    if isinstance(answer, Prepared):
        (outcome,) = world.exchange.submit([answer])
        return outcome.checked("submit", "")
    return answer


@pytest.mark.parametrize(("row", "owner"), _cells(OWN))
def test_a_user_reaches_what_is_their_own_and_nothing_else(world: Floor, row: Row, owner: str | None) -> None:
    """Another user's is as if it were not."""
    _check(world, row, owner, "user")


@pytest.mark.parametrize(("row", "owner"), _cells(OWN + MANAGED))
def test_an_administrator_for_a_user_reaches_what_is_that_users(world: Floor, row: Row, owner: str | None) -> None:
    """Whom the administrator acts for is said once, and nothing of anybody else's is reached by an id."""
    _check(world, row, owner, "managed")


def _check(world: Floor, row: Row, owner: str | None, role: str) -> None:
    expected = {"ann": row.own, "bob": row.other, None: row.unknown}[owner]
    came, told = _tried(world, row, owner, role)
    assert came in ((WORKS, NOTHING) if row.kind is None else (expected,)), told
    if owner == "bob" and row.other == NOT_FOUND:
        assert _tried(world, row, None, role) == (came, told), "it tells that somebody else has one"


@pytest.mark.parametrize("call", list(PUBLIC.values()), ids=list(PUBLIC))
def test_market_data_is_the_same_for_everybody_and_names_nobody(world: Floor, call: Callable[[Any], object]) -> None:
    """Of an order, the book shows price and quantity."""
    answers = {str(call(world.user(user))) for user in ("ann", "bob")}
    assert len(answers) == 1
    (told,) = answers
    assert [word for word in ("ann", "bob", "cat", "@", "-place") if word in told] == []


def test_the_file_of_public_trades_says_nothing_of_users(world: Floor) -> None:
    world.user("ann").market_data.get_trades(SYMBOL)
    path = Path(world.exchange.home) / "marketdata.db"
    columns = rows_of(
        path, "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    )
    assert columns
    assert not [
        name
        for _, name in columns
        if name in {"user", "taker", "maker", "buyer", "seller", "taker_order", "maker_order"}
    ]


# Administrators

WHOSE: dict[str, Callable[[Admin, Any], object]] = {
    "accounts.deposit": lambda admin, user: admin.accounts.deposit(user, CASH, 1),
    "accounts.withdraw": lambda admin, user: admin.accounts.withdraw(user, CASH, 1),
    "accounts.prepare_deposit": lambda admin, user: admin.accounts.prepare_deposit(user, CASH, 1),
    "accounts.prepare_withdrawal": lambda admin, user: admin.accounts.prepare_withdrawal(user, CASH, 1),
    "audit.list_events": lambda admin, user: admin.audit.list_events(user_id=user),
    "databases.change_email": lambda admin, user: admin.databases.change_email(user, "new@example.com"),
    "databases.delete_trading_database": lambda admin, user: admin.databases.delete_trading_database(
        user, sweep_to="cat", backup=False
    ),
    "databases.get_trading_database": lambda admin, user: admin.databases.get_trading_database(user).close(),
    "databases.rebuild": lambda admin, user: admin.databases.rebuild(user),
    "databases.release": lambda admin, user: admin.databases.release(user),
    "databases.show_trading_database": lambda admin, user: admin.databases.show_trading_database(user),
    "on_behalf_of": lambda admin, user: admin.on_behalf_of(user),
    "trading.cancel_all_orders": lambda admin, user: admin.trading.cancel_all_orders(user_id=user),
    "trading.get_user_fees": lambda admin, user: admin.trading.get_user_fees(user),
    "trading.resume_user": lambda admin, user: admin.trading.resume_user(user),
    "trading.set_user_fees": lambda admin, user: admin.trading.set_user_fees(user, SYMBOL, taker_fee="0.01"),
    "trading.suspend_user": lambda admin, user: admin.trading.suspend_user(user),
    "transactions.record_transaction": lambda admin, user: admin.transactions.record_transaction(
        buyer=user, seller="cat", credit_type=CREDIT, quantity=1, price_per_credit=1, currency=CASH
    ),
    "transactions.prepare_transaction": lambda admin, user: admin.transactions.prepare_transaction(
        buyer="cat", seller=user, credit_type=CREDIT, quantity=1, price_per_credit=1, currency=CASH
    ),
    "verify": lambda admin, user: admin.verify(user),
}
"""What an administrator does to one user: works for each there is."""

WHAT: dict[str, Callable[[Admin], object]] = {
    "audit.get_event": lambda admin: admin.audit.get_event(10**9),
    "databases.erase": lambda admin: admin.databases.erase("zoe"),
    "instruments.add_instrument": lambda admin: admin.instruments.add_instrument(
        "X", base="X", quote=CASH, tick=1, lot=1
    ),
    "instruments.clear_schedule": lambda admin: admin.instruments.clear_schedule("X"),
    "instruments.close_instrument": lambda admin: admin.instruments.close_instrument("X"),
    "instruments.halt_instrument": lambda admin: admin.instruments.halt_instrument("X"),
    "instruments.open_instrument": lambda admin: admin.instruments.open_instrument("X"),
    "instruments.prepare_halt": lambda admin: admin.instruments.prepare_halt("X"),
    "instruments.prepare_resume": lambda admin: admin.instruments.prepare_resume("X"),
    "instruments.resume_instrument": lambda admin: admin.instruments.resume_instrument("X"),
    "instruments.set_rules": lambda admin: admin.instruments.set_rules("X", taker_fee=0),
    "instruments.set_schedule": lambda admin: admin.instruments.set_schedule(
        "X", hours="mon-fri 09:00-17:00", time_zone="UTC"
    ),
    "instruments.show_instrument": lambda admin: admin.instruments.show_instrument("X"),
    "trading.bust_trade": lambda admin: admin.trading.bust_trade(10**9),
    "transfer.export": lambda admin: admin.transfer.export("never.zip", user_id="zoe"),
    "backups.create_user": lambda admin: admin.backups.create_user("zoe", "never"),
}
"""What names something else, or is tried elsewhere where it works: here, a thing that there is not."""

OF_ALL = {
    "accounts.get_fees",
    "assets.add_asset",
    "assets.list_assets",
    *(f"backups.{name}" for name in ("archive", "archive_journal", "create", "erase_users", "prune")),
    *(f"backups.{name}" for name in ("restore_user", "user_as_of")),
    "check_journal_head",
    *(f"databases.{name}" for name in ("catch_up", "create_trading_database", "create_trading_databases")),
    *(f"databases.{name}" for name in ("list_quarantined", "list_trading_databases", "rebuild_all")),
    *(f"host.{name}" for name in ("init", "sync", "follow", "stop", "status", "check", "repair", "retire_project")),
    *(
        f"host.{name}"
        for name in ("deposit", "withdraw", "confirm", "fail", "give_up", "activity.search", "activity.daily")
    ),
    *(f"host.following.{name}" for name in ("after_fork_in_child", "once", "rounds", "start", "stop")),
    *(f"host.requests.{name}" for name in ("deposit", "withdraw", "confirm", "fail", "give_up", "retire_project")),
    *(f"host.requests.{name}" for name in ("get", "hanging", "list", "retry")),
    "instruments.list_instruments",
    "journal",
    "journal_head",
    "migrate_files",
    "status",
    "transfer.import_",
}
"""What names no user of this exchange: new ones, all of them, or those of a backup. A request is looked at when it is worked off."""


@pytest.mark.parametrize("call", list(WHOSE.values()), ids=list(WHOSE))
def test_an_administrator_names_a_user_who_is_there(world: Floor, call: Callable[[Admin, Any], object]) -> None:
    """For one who is, it works; for one who is not, nothing is changed."""
    user = f"user-{next(NUMBERS)}"
    world.add(user, cash="100.00", credits=100)
    call(world.admin, user)
    before = _standing(world)
    for unknown in ("zoe", "ANN", ""):
        with pytest.raises(NotFound):
            call(world.admin, unknown)
    assert _standing(world) == before


@pytest.mark.parametrize("call", list(WHAT.values()), ids=list(WHAT))
def test_what_an_administrator_names_is_there(world: Floor, call: Callable[[Admin], object]) -> None:
    before = _standing(world)
    with pytest.raises(NotFound):
        call(world.admin)
    assert _standing(world) == before


# The whole of it


def _methods(thing: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every public method that can be reached from it, by the way there."""
    for name in sorted(dir(thing)):
        if name.startswith("_"):
            continue
        value = getattr(thing, name)
        if inspect.ismethod(value):
            yield f"{path}{name}", value
        elif type(value).__module__.startswith("credit_trading."):
            yield from _methods(value, f"{path}{name}.")


def _reached(thing: object) -> set[str]:
    return {name for name, _ in _methods(thing)}


@pytest.mark.parametrize("role", ["user", "managed"])
def test_no_method_of_a_users_is_left_out(world: Floor, role: str) -> None:
    """A new one needs a row above."""
    rows = OWN + (MANAGED if role == "managed" else ())
    assert _reached(_as(world, role)) == {row.method for row in rows} | set(PUBLIC)


def test_no_method_of_an_administrators_is_left_out(world: Floor) -> None:
    """Likewise."""
    assert _reached(world.admin) == {*WHOSE, *WHAT, *OF_ALL, *PUBLIC}


def test_no_parameter_of_a_users_methods_can_name_another_user(world: Floor) -> None:
    """Nor can what an administrator does for a user, but for the other side of a transaction."""
    found = {
        (role, method, name)
        for role in ("user", "managed")
        for method, function in _methods(_as(world, role))
        for name in _parameters(function)
        if name in {*NAMES_OF_USERS, "counterparty"}
    }
    filters = {
        (role, method, name)
        for role in ("user", "managed")
        for method, name in (("audit.list_events", "actor"), ("transactions.get_transaction_history", "counterparty"))
    }
    assert found - filters == {
        ("managed", f"transactions.{name}", "counterparty") for name in ("record_transaction", "prepare_transaction")
    }


def _parameters(function: Any) -> set[str]:
    """Those of `**filters: Unpack[…]` too."""
    hints = typing.get_type_hints(function, include_extras=True)
    found = set()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (filters,) = typing.get_args(hints[name])
            found |= set(typing.get_type_hints(filters))
        else:
            found.add(name)
    return found


def test_a_command_that_was_prepared_is_of_whoever_prepared_it(world: Floor) -> None:
    """Each command that a user's methods make holds that user's number."""
    for row in OWN:
        if row.method.startswith("orders.prepare_"):
            made = row.call(world.user("ann"), 1 if row.kind == "order" else "name")
            assert isinstance(made, Prepared)
            assert made.request.command.user == 1  # type: ignore[attr-defined]
            assert made.request.id.startswith("user1/")


def test_nothing_is_wrong_after_all_of_it(world: Floor) -> None:
    assert world.findings() == []
