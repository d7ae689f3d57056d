"""Every public operation that touches the disk, one example of each, to be made to fail.

Here: what is asked of the exchange, and how one sees in the journal whether it was done. Never here: faults, what must hold (tests).
Always: an operation with a new serial number can be done whatever came before it; done in the same order by another exchange, the same
operations lead to the same state.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import attrs

import credit_trading
from credit_trading import Exchange, ManualClock, Settings
from credit_trading.clock import format_time
from credit_trading.errors import AlreadyExists, NotFound
from credit_trading.marketdata.trade_file import FILE_NAME as MARKET_DATA_FILE
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users.manager import TradingDatabaseManager
from credit_trading.users.private_writer import PrivateWriter

CASH, CREDIT, SYMBOL = "USD", "VCS-1", "VCS-1/USD"


class World:
    """One exchange with two traders, opened and closed as operations ask for it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = ManualClock()
        self.settings = Settings(pool_size=8, lock_timeout_s=5, checkpoint_every_events=1)
        self.exchange: Exchange | None = None
        self.last_trade = 0

    def open(self) -> Exchange:
        """As it is, or opened. Raises what opening raises."""
        if self.exchange is None:
            self.exchange = credit_trading.open(self.home, create=True, clock=self.clock, settings=self.settings)
        return self.exchange

    def close(self) -> None:
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.close()

    def set_up(self) -> None:
        admin = self.open().as_admin("setup")
        admin.assets.add_asset(CASH, decimals=2)
        admin.assets.add_asset(CREDIT, decimals=0)
        admin.instruments.add_instrument(SYMBOL, base=CREDIT, quote=CASH, tick="0.01", lot="1", taker_fee="0.0025")
        for user in ("ann", "bob"):
            admin.databases.create_trading_database(user, f"{user}@example.com")
            admin.accounts.deposit(user, CASH, "1000000000.00")
            admin.accounts.deposit(user, CREDIT, 1_000_000_000)

    def switch(self, *, eager: bool) -> None:
        """Either each commit is carried into the users' files, with handles for all, or files are read later, with one handle."""
        if self.settings.project_on_commit != eager:
            self.close()
            self.settings = attrs.evolve(self.settings, project_on_commit=eager, pool_size=8 if eager else 1)


Act = Callable[[World, int], object]


@attrs.frozen(kw_only=True)
class Operation:
    """`act` does it, after `prepare`. `done` counts its traces in exchange.db: 0, or `whole` of them; None for what changes nothing there.

    `repeated` is what asking again says of what is done already, where it has no id of its own.
    """

    name: str
    act: Act
    prepare: Act = lambda _, __: None
    done: Callable[[Connection, int], int] | None = None
    whole: int = 1
    repeated: type[Exception] | None = None
    eager: bool = True


def _place(world: World, user: str, side: str, price: str | None, name: str, **more: object) -> None:
    world.open().as_user(user).orders.create_order(SYMBOL, side, 1, price, command_id=name, **more)  # type: ignore[arg-type]


def _causes(*names: str) -> Callable[[Connection, int], int]:
    """How many commands of these ids, with the serial number behind, the journal holds; none may be there twice."""

    def done(connection: Connection, serial: int) -> int:
        wanted = [f"{name}{serial}" for name in names]
        rows = connection.execute(
            f"SELECT cause FROM journal WHERE cause IN ({', '.join('?' * len(wanted))}) AND content IS NOT NULL", wanted
        ).fetchall()
        assert len(rows) == len(set(rows)), f"{rows} was done twice"
        return len(rows)

    return done


def _counted(sql: str) -> Callable[[Connection, int], int]:
    """`?1` is the serial number."""
    return lambda connection, serial: int(connection.execute(sql, (serial,)).fetchone()[0])


def _group(world: World, serial: int) -> None:
    exchange = world.open()
    sell = exchange.as_user("ann").orders.prepare_order(SYMBOL, "sell", 1, "3.00", command_id=f"sell{serial}")
    buy = exchange.as_user("bob").orders.prepare_order(SYMBOL, "buy", 1, "3.00", command_id=f"buy{serial}")
    assert all(outcome.ok for outcome in exchange.submit([sell, buy]))


def _rest(world: World, serial: int) -> None:
    _place(world, "ann", "sell", "9.00", f"rest{serial}", client_order_id=f"rest{serial}")


def _cancel(world: World, serial: int) -> None:
    world.open().as_user("ann").orders.cancel_order(client_order_id=f"rest{serial}", command_id=f"cancel{serial}")


def _amend(world: World, serial: int) -> None:
    orders = world.open().as_user("ann").orders
    orders.amend_order(client_order_id=f"rest{serial}", price="8.00", command_id=f"amend{serial}")


def _cancel_all(world: World, serial: int) -> None:
    world.open().as_user("ann").orders.cancel_all_orders(command_id=f"all{serial}")


def _sweep(world: World, _: int) -> None:
    world.open().expire_due()


def _soon_due(world: World, serial: int) -> None:
    at = format_time(world.clock.now_us() + 1_000_000)
    _place(world, "bob", "buy", "1.00", f"due{serial}", client_order_id=f"due{serial}", expires_at=at)
    world.clock.advance(2)


def _create_user(world: World, serial: int) -> None:
    created = _databases(world).create_trading_database(f"u{serial}", f"u{serial}@example.com")
    assert created.user_id == f"u{serial}"


def _change_email(world: World, serial: int) -> None:
    assert _databases(world).change_email("bob", f"bob{serial}@example.com").email == f"bob{serial}@example.com"


def _delete_user(world: World, serial: int) -> None:
    _databases(world).delete_trading_database(f"u{serial}")


def _databases(world: World) -> TradingDatabaseManager:
    return world.open().as_admin("setup").databases


def _deposit(world: World, serial: int) -> None:
    world.open().as_admin("setup").accounts.deposit("ann", CASH, "1.00", key=f"in{serial}")


def _withdraw(world: World, serial: int) -> None:
    world.open().as_admin("setup").accounts.withdraw("bob", CASH, "1.00", key=f"out{serial}", note="rent")


def _off_book(world: World, serial: int) -> None:
    world.open().as_admin("setup").transactions.record_transaction(
        buyer="ann",
        seller="bob",
        credit_type=CREDIT,
        quantity=8,
        price_per_credit="2.125",
        currency=CASH,
        key=f"off{serial}",
    )


def _read_file(world: World, serial: int) -> None:
    names = [order.client_order_id for order in world.open().as_user("ann").orders.get_active_orders()]
    assert f"rest{serial}" in names


def _read_database(world: World, _: int) -> None:
    database = world.open().as_user("ann").get_trading_database()
    try:
        assert database.execute("SELECT count(*) FROM active_orders").fetchone()[0]
    finally:
        database.close()


def _list(world: World, _: int) -> None:
    assert {user.user_id for user in _databases(world).list_trading_databases()} >= {"ann", "bob"}


def _verify(world: World, _: int) -> None:
    world.open().as_admin("setup").verify()


def _trades(world: World, _: int) -> None:
    assert world.open().market_data.get_trades(SYMBOL).trades


def _spoil_market_data(world: World, serial: int) -> None:
    _group(world, serial)
    world.close()
    path = world.home / MARKET_DATA_FILE
    if path.exists():
        path.write_bytes(b"rubbish" * 1000)


def _lose_file(world: World, serial: int) -> None:
    path = _databases(world).show_trading_database("ann").path
    _rest(world, serial)
    world.close()
    path.unlink()


def _outdate_file(world: World, serial: int) -> None:
    path = _databases(world).show_trading_database("ann").path
    _rest(world, serial)
    world.close()
    connection = connect(path, mode="rw")
    connection.execute("UPDATE metadata SET projection_version = projection_version - 1")
    connection.close()


def _reopen(world: World, _: int) -> None:
    world.close()
    assert world.open().as_user("ann").accounts.get_balances()


def _found(world: World, serial: int) -> None:
    with credit_trading.open(world.home / f"other{serial}", create=True, clock=world.clock) as exchange:
        assert exchange.sequence == 1


def _catch_up(world: World, _: int) -> None:
    _databases(world).catch_up()


def _fork(world: World, _: int) -> None:
    """Before a fork every handle is closed; the next command opens them anew."""
    world.open()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _create_user_and_fork(world: World, serial: int) -> None:
    _create_user(world, serial)
    _fork(world, serial)


def _rest_and_fork(world: World, serial: int) -> None:
    _rest(world, serial)
    _fork(world, serial)


def _create_users(world: World, serial: int) -> None:
    pairs = [(f"m{serial}-{place}", f"m{place}@example.com") for place in range(3)]
    created = _databases(world).create_trading_databases(pairs, skip_existing=True)
    assert created.created + created.already == len(pairs)


def _trade_to_bust(world: World, serial: int) -> None:
    _group(world, serial)
    world.last_trade = world.open().market_data.get_trades(SYMBOL, limit=1).trades[0].trade_id
    _fork(world, serial)


def _bust(world: World, serial: int) -> None:
    world.open().as_admin("setup").trading.bust_trade(world.last_trade, note=f"slip{serial}")


def _keep_private(world: World, serial: int) -> None:
    exchange = world.open()
    with PrivateWriter(exchange._files, exchange._projector).writing(1) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS private_notes (serial INTEGER PRIMARY KEY, words TEXT)")
        connection.execute("INSERT OR REPLACE INTO private_notes VALUES (?, 'mine')", (serial,))


def _rebuild(world: World, serial: int) -> None:
    assert _databases(world).rebuild("ann").user_id == "ann"
    _read_file(world, serial)


def _spoil_file(world: World, serial: int) -> None:
    """One row is not as the journal gives it."""
    path = _databases(world).show_trading_database("ann").path
    _rest(world, serial)
    _read_file(world, serial)
    world.close()
    connection = connect(path, mode="rw")
    connection.execute("UPDATE balances SET posted = posted + 1")
    connection.close()


def _deep_verify(world: World, _: int) -> None:
    world.open().as_admin("setup").verify(deep=True)


def _status(world: World, _: int) -> None:
    status = world.open().as_admin("setup").status()
    assert status.journal.sequence > 1


def _check_head(world: World, _: int) -> None:
    admin = world.open().as_admin("setup")
    head = admin.journal_head()
    assert admin.check_journal_head(head.sequence, head.hash) is None


OPERATIONS = (
    Operation(
        name="limit order",
        act=lambda world, serial: _place(world, "ann", "sell", "7.00", f"limit{serial}"),
        done=_causes("user1/id/limit"),
    ),
    Operation(
        name="iceberg",
        act=lambda world, serial: _place(world, "bob", "buy", "0.50", f"ice{serial}", display_quantity=1),
        done=_causes("user2/id/ice"),
    ),
    Operation(
        name="stop order",
        act=lambda world, serial: _place(world, "ann", "sell", None, f"stop{serial}", stop_price="0.02"),
        done=_causes("user1/id/stop"),
    ),
    Operation(
        name="market order",
        act=lambda world, serial: _place(world, "bob", "buy", None, f"market{serial}"),
        prepare=_rest,
        done=_causes("user2/id/market"),
    ),
    Operation(name="group", act=_group, done=_causes("user1/id/sell", "user2/id/buy"), whole=2),
    Operation(name="cancel", act=_cancel, prepare=_rest, done=_causes("user1/id/cancel")),
    Operation(name="amend", act=_amend, prepare=_rest, done=_causes("user1/id/amend")),
    Operation(name="cancel all", act=_cancel_all, prepare=_rest, done=_causes("user1/id/all")),
    Operation(
        name="expire_due",
        act=_sweep,
        prepare=_soon_due,
        done=_counted(
            "SELECT count(*) FROM journal WHERE kind = 'order_expired' AND payload ->> 'order' = (SELECT payload ->> 'order'"
            " FROM journal WHERE cause = 'user2/id/due' || ?1 AND content IS NOT NULL)"
        ),
    ),
    Operation(
        name="bust after a fork",
        act=_bust,
        prepare=_trade_to_bust,
        done=_counted("SELECT count(*) FROM command_notes WHERE note = 'slip' || ?1"),
    ),
    Operation(name="deposit", act=_deposit, done=_causes("admin/key/in")),
    Operation(name="withdraw", act=_withdraw, done=_causes("admin/key/out")),
    Operation(name="off-book", act=_off_book, done=_causes("admin/key/off")),
    Operation(
        name="create user",
        act=_create_user,
        done=_counted("SELECT count(*) FROM users WHERE user_id = 'u' || ?1"),
        repeated=AlreadyExists,
    ),
    Operation(
        name="create users",
        act=_create_users,
        done=_counted("SELECT count(*) FROM users WHERE user_id GLOB 'm' || ?1 || '-*'"),
        whole=3,
    ),
    Operation(
        name="change e-mail",
        act=_change_email,
        done=_counted("SELECT count(*) FROM users WHERE user_id = 'bob' AND email = 'bob' || ?1 || '@example.com'"),
    ),
    Operation(
        name="delete user",
        act=_delete_user,
        prepare=_create_user,
        done=_counted("SELECT count(*) FROM users WHERE user_id = 'u' || ?1 AND state != 'active'"),
        repeated=NotFound,
    ),
    Operation(name="deposit after a fork", act=_deposit, prepare=_fork, done=_causes("admin/key/in")),
    Operation(
        name="create user after a fork",
        act=_create_user,
        prepare=_fork,
        done=_counted("SELECT count(*) FROM users WHERE user_id = 'u' || ?1"),
        repeated=AlreadyExists,
    ),
    Operation(
        name="change e-mail after a fork",
        act=_change_email,
        prepare=_fork,
        done=_counted("SELECT count(*) FROM users WHERE user_id = 'bob' AND email = 'bob' || ?1 || '@example.com'"),
    ),
    Operation(
        name="delete user after a fork",
        act=_delete_user,
        prepare=_create_user_and_fork,
        done=_counted("SELECT count(*) FROM users WHERE user_id = 'u' || ?1 AND state != 'active'"),
        repeated=NotFound,
    ),
    Operation(name="cancel after a fork", act=_cancel, prepare=_rest_and_fork, done=_causes("user1/id/cancel")),
    Operation(name="read a file", act=_read_file, prepare=_rest, eager=False),
    Operation(name="get_trading_database", act=_read_database, prepare=_rest, eager=False),
    Operation(name="file made anew", act=_read_file, prepare=_lose_file, eager=False),
    Operation(name="file rebuilt", act=_read_file, prepare=_outdate_file, eager=False),
    Operation(name="list", act=_list),
    Operation(name="verify", act=_verify, prepare=_rest, eager=False),
    Operation(name="deep verify", act=_deep_verify, prepare=_rest, eager=False),
    Operation(name="status", act=_status, prepare=_rest, eager=False),
    Operation(name="journal head", act=_check_head, prepare=_rest_and_fork),
    Operation(name="private fact", act=_keep_private, prepare=_rest, eager=False),
    Operation(name="rebuild", act=_rebuild, prepare=_spoil_file, eager=False),
    Operation(name="trades", act=_trades, prepare=_group),
    Operation(name="market data made anew", act=_trades, prepare=_spoil_market_data),
    Operation(name="catch up", act=_catch_up, prepare=_group, eager=False),
    Operation(name="close and open", act=_reopen, prepare=_rest),
    Operation(name="found", act=_found),
)
