"""Makes the folders of a release, by the code of that release: `python -P tests/released/make.py DEST`, with that code on PYTHONPATH.

Here: one history in two folders, `closed` and `killed` (its WALs are left), and what the code of that time says of it, as JSON. It uses
only what every release has had, under the name that it has there; what one of them lacks is left out there. Never here: anything of
today's tests.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import zstandard

import credit_trading
from credit_trading import Exchange, ManualClock, Settings

CASH, PEPPER, TREES = "USD", "VCS-1340-2020", "GS-77-2022"
HOUR_S = 3_600


def main(destination: Path) -> None:
    told = {}
    for name in ("closed", "killed"):
        child = os.fork()
        if child == 0:
            _live(destination / name, destination / f"{name}.json", killed=name == "killed")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == (-9 if name == "killed" else 0), status
        told[name] = json.loads((destination / f"{name}.json").read_text())
    facts = told["closed"].pop("users")
    assert facts == told["killed"].pop("users"), "the two folders have one history"
    everything = {**told, "users": facts}
    (destination / "facts.json").write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")
    (destination / "folders.tar.zst").write_bytes(_packed(destination))


def _live(home: Path, facts: Path, *, killed: bool) -> None:
    clock = ManualClock()
    settings = Settings(checkpoint_every_events=10)
    exchange = credit_trading.open(home, create=True, clock=clock, settings=settings)
    _set_up(exchange, clock)
    _erase(exchange)
    _trade(exchange, clock)
    _import(exchange, home.parent / "history.jsonl")
    _write_private(exchange)
    if not killed:
        exchange.close()
        exchange = credit_trading.open(home, clock=clock, settings=settings)
    facts.write_text(json.dumps(_facts(exchange, clock)))
    if killed:
        os.kill(os.getpid(), 9)
    exchange.close()


def _set_up(exchange: Exchange, clock: ManualClock) -> None:
    admin = exchange.as_admin("setup")
    admin.assets.add_asset(CASH, decimals=2)
    for credit in (PEPPER, TREES):
        admin.assets.add_asset(credit, decimals=0)
        admin.instruments.add_instrument(
            f"{credit}/{CASH}", base=credit, quote=CASH, tick="0.01", lot="1", maker_fee="-0.0001", taker_fee="0.0025"
        )
    for user in ("ann", "bob", "eve", "dan"):
        admin.databases.create_trading_database(user, f"{user}@example.com")
    for user in ("ann", "bob", "eve"):
        admin.accounts.deposit(user, CASH, "100000.00", note=f"the first of {user}")
        admin.accounts.deposit(user, PEPPER, 1_000)
        admin.accounts.deposit(user, TREES, 500, key=f"trees-{user}")
        clock.advance(HOUR_S)
    admin.databases.delete_trading_database("dan")
    admin.databases.change_email("eve", "eve@new.example.com")


def _erase(exchange: Exchange) -> None:
    """dan, who was deleted, where the release can; before all else, because it leaves WALs empty."""
    databases = exchange.as_admin("office").databases
    if hasattr(databases, "erase"):
        databases.erase("dan")


def _trade(exchange: Exchange, clock: ManualClock) -> None:
    """Trades in both instruments, a deal off the book, what was canceled, refused and waits; where there are any, a bust and more kinds."""
    admin = exchange.as_admin("desk")
    ann, bob, eve = (exchange.as_user(user).orders for user in ("ann", "bob", "eve"))
    peppers, trees = f"{PEPPER}/{CASH}", f"{TREES}/{CASH}"
    ann.create_order(peppers, "sell", 10, "5.00", client_order_id="spring-1")
    bob.create_order(peppers, "buy", 4, "5.00")
    clock.advance(HOUR_S)
    eve.create_order(peppers, "buy", 3)
    eve.create_order(trees, "sell", 20, "7.00")
    ann.create_order(trees, "buy", 5, "7.10")
    ann.cancel_order(ann.create_order(peppers, "buy", 1, "1.00").order_id)
    admin.transactions.record_transaction(
        buyer="eve",
        seller="ann",
        credit_type=PEPPER,
        quantity=10,
        price_per_credit="9.999",
        currency=CASH,
        key="deal-1",
        external_reference="contract-7",
        note="by telephone",
    )
    clock.advance(HOUR_S)
    admin.accounts.withdraw("bob", CASH, "17.03", key="rent")
    with suppress(credit_trading.OrderRejected):
        bob.create_order(peppers, "buy", 1_000_000, "5.00")
    bob.create_order(trees, "buy", 2, "6.50", expires_at=clock.now_us() + 10 * HOUR_S * 1_000_000)
    if hasattr(admin, "trading"):
        admin.trading.bust_trade(1, note="a mistake")
        bob.create_order(trees, "buy", 30, "6.40", display_quantity=10)
        bob.create_order(trees, "sell", 5, stop_price="6.00")
    if hasattr(exchange, "market_data"):
        assert exchange.market_data.get_trades(trees)
    admin.instruments.halt_instrument(peppers)


def _import(exchange: Exchange, history: Path) -> None:
    """What happened elsewhere, where the release can take it in: a deposit, a trade of ann with somebody outside, and its bust."""
    admin = exchange.as_admin("migration")
    if not hasattr(admin, "transfer"):
        return
    deposit = {
        "user_id": "ann",
        "reference": "OLD-1",
        "transaction_date": "2024-05-01T12:00:00Z",
        "transaction_type": "deposit",
        "credit_type": CASH,
        "quantity": "10.00",
        "note": "from the old books",
    }
    terms = {"price_per_credit": "2.50", "total_value": "10.00", "currency": CASH, "trade_reference": "T-1"}
    trade = {**deposit, **terms, "credit_type": PEPPER, "quantity": "4", "counterparty": "Old Bank"}
    buy = {**trade, "reference": "OLD-2", "transaction_type": "buy", "fee": "0.02"}
    bust = {**trade, "reference": "OLD-3", "transaction_type": "buy_busted", "fee": "-0.02"}
    history.write_text("".join(json.dumps(line) + "\n" for line in (deposit, buy, bust)))
    taken = admin.transfer.import_(history)
    assert taken.done, taken.problems


def _write_private(exchange: Exchange) -> None:
    """ann's, where the release has private facts."""
    try:
        from credit_trading.users.private_writer import PrivateWriter
    except ImportError:
        return
    number = exchange._desk.user_number("ann")
    with PrivateWriter(exchange._files, exchange._projector).writing(number) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS wishes (wish TEXT)")
        connection.execute("INSERT INTO wishes VALUES ('rain')")


def _events(user: Any) -> Sequence[object]:
    """All of the user's audit trail; a release without that service has an older way to ask."""
    if hasattr(user, "audit"):
        return list(user.audit.list_events(limit=1_000))
    return list(user.transactions.get_audit_trail())


def _facts(exchange: Exchange, clock: ManualClock) -> dict[str, Any]:
    """What the code of that time says of it."""
    found = exchange.as_admin("auditor").verify().findings
    assert not found, found
    users = {}
    for name in ("ann", "bob", "eve"):
        user = exchange.as_user(name)
        users[name] = {
            "balances": _sorted(user.accounts.get_balances()),
            "active_orders": _sorted(user.orders.get_active_orders()),
            "transactions": _sorted(user.transactions.get_transaction_history()),
            "events": len(_events(user)),
            "closed_orders": len(user.orders.get_order_history()),
        }
    with exchange._live.history() as log:
        sequence, chain = log.head()
    return {"sequence": sequence, "hash": chain.hex(), "now_us": clock.now_us(), "users": users}


def _sorted(records: Iterable[Any]) -> list[dict[str, Any]]:
    return sorted(map(msgspec.to_builtins, records), key=lambda record: json.dumps(record, sort_keys=True))


def _packed(folder: Path) -> bytes:
    """Both folders without what SQLite and locks make again; entries in order, of no owner and no time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(folder.glob("*/**/*")):
            if path.is_file() and path.suffix != ".db-shm" and path.name != "exchange.lock":
                entry = tarfile.TarInfo(str(path.relative_to(folder)))
                entry.size, entry.mode = path.stat().st_size, 0o600
                tar.addfile(entry, io.BytesIO(path.read_bytes()))
    return zstandard.ZstdCompressor(level=22).compress(packed.getvalue())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
