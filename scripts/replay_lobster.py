#!/usr/bin/env python3
"""Replays a recorded day of NASDAQ order flow (LOBSTER files) through the exchange, and checks every row of it.

    python scripts/replay_lobster.py GOOG_2012-06-21_message_1.csv GOOG_2012-06-21_orderbook_1.csv --home goog --symbol GOOG

Here: the exchange's public face, nothing below it. Always: the clock is the file's; a row's commands are decided by one COMMIT; their
ids follow from the files and the row, so that a run that was killed goes on where the journal ends and comes to the same state.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import attrs
import click

import credit_trading
from credit_trading import Admin, Exchange, ManualClock, Prepared, Settings, TradingError, User

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # its neighbours have one name, here and in tests

from scripts.lobster_check import JournalCheck, ReplayNames
from scripts.lobster_display import Advance, Display, Report
from scripts.lobster_plan import Cancel, Execute, Halt, OffBook, Place, PlannedRow, Reduce, Resume, Step, plan_rows
from scripts.lobster_rows import LobsterError, files_hash, midnight_us, read_rows

CASH, CASH_DECIMALS = "USD", 4
FUNDS = 500_000_000
"""Of cash and of shares, for each user: more than any of them needs."""
COMMANDS_PER_COMMIT = 250


def _checked_symbol(_: click.Context, __: click.Parameter, symbol: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", symbol, re.ASCII) is None or symbol == CASH:
        raise click.BadParameter(f"{symbol!r} cannot be an asset's code beside {CASH}. Write the ticker, such as GOOG.")
    return symbol


@click.command()
@click.argument("messages", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("orderbook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--home", required=True, type=click.Path(path_type=Path), help="The exchange's folder; founded if absent."
)
@click.option(
    "--symbol",
    required=True,
    callback=_checked_symbol,
    help="What the file trades, such as GOOG; the instrument is GOOG/USD.",
)
@click.option("--users", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Who share the orders.")
@click.option("--rows", type=click.IntRange(1), help="Replay the first ROWS rows only.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def main(messages: Path, orderbook: Path, home: Path, symbol: str, users: int, rows: int | None, as_json: bool) -> None:
    """Replays MESSAGES and ORDERBOOK, the two files of a LOBSTER day, and compares the book with the file after every row.

    Exits with 0 if every row leaves exactly the book that the file states, nothing is refused and the exchange verifies. Run it again
    after an interruption, or with more --rows: it goes on where it ended.

    Example: replay_lobster.py GOOG_2012-06-21_message_1.csv GOOG_2012-06-21_orderbook_1.csv --home goog --symbol GOOG
    """
    shown = Display()
    try:
        with shown.phase("read"):
            planned = plan_rows(read_rows(messages, orderbook, rows), users=users)
            _check_ticks(planned)
            day_us = midnight_us(messages)
            identity = f"{files_hash(messages, orderbook)} {symbol} {users}"
        names = ReplayNames(hashlib.sha256(identity.encode()).hexdigest()[:16], f"{symbol}/{CASH}")
        clock = ManualClock(day_us)
        settings = Settings(project_on_commit=False)
        with credit_trading.open(home, create=True, clock=clock, settings=settings) as exchange:
            replay = Replay(exchange, clock, names, planned, day_us=day_us, users=users)
            report, trouble = replay.run(shown)
    except (LobsterError, TradingError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print(json.dumps(attrs.asdict(report)))
    else:
        shown.report(report)
    if trouble:
        raise click.ClickException(trouble)


def _check_ticks(planned: Sequence[PlannedRow]) -> None:
    """Raises LobsterError for an order that the instrument's tick cannot express, before anything is changed."""
    for row in planned:
        for step in row.steps:
            if isinstance(step, Place | Execute) and step.price % 100:
                raise LobsterError(f"row {row.row.number}: price {_price(step.price)} is off the tick, 0.01")


class Replay:
    """One run: sets up what is missing, goes on after the last row in the journal, and looks at what came of all of it."""

    def __init__(
        self,
        exchange: Exchange,
        clock: ManualClock,
        names: ReplayNames,
        planned: Sequence[PlannedRow],
        *,
        day_us: int,
        users: int,
    ) -> None:
        self._exchange = exchange
        self._admin: Admin = exchange.as_admin("replay")
        self._clock = clock
        self._names = names
        self._planned = planned
        self._day_us = day_us
        self._user_ids = [*(f"u{number:04}" for number in range(1, users + 1)), "anonymous"]  # as the plan counts them
        self._users: list[User] = []
        self._check = JournalCheck(names, planned)

    def run(self, shown: Display) -> tuple[Report, str | None]:
        """The report, and the first thing that is not as it should be."""
        check, admin = self._check, self._admin
        with shown.phase("check"):
            check.read(admin.journal())
        with shown.phase("set up", "users") as advance:
            self._set_up(advance)
        orders, begun = check.orders, time.perf_counter()
        with shown.phase("replay", "rows") as advance:
            self._decide(self._planned[check.last_row :], advance)
        decided_s = time.perf_counter() - begun
        with shown.phase("check"):
            check.read(admin.journal(after=check.sequence))
            check.finish()
        with shown.phase("files", "files") as advance:
            admin.databases.catch_up(progress=advance)
        with shown.phase("verify", "files") as advance:
            verification = admin.verify(deep=True, progress=advance)
        databases = admin.databases.list_trading_databases()
        report = Report(
            rows=len(self._planned),
            rows_exact=check.rows_exact,
            orders=check.orders,
            trades=check.trades,
            known_executions=check.known_executions,
            known_executions_filled=check.known_executions_filled,
            hidden_executions=check.hidden_executions,
            users=len(databases),
            files=sum(database.path.exists() for database in databases),
            verify_findings=len(verification.findings),
            seconds=round(shown.seconds, 3),
            orders_per_s=round((check.orders - orders) / decided_s, 1),
            state_digest=verification.state_digest,
        )
        finding = next(map(str, verification.findings), None)
        return report, check.trouble or finding

    def _set_up(self, advance: Advance) -> None:
        """Assets, users, funds, the instrument: always in this order and each once, however often it is interrupted."""
        admin, symbol = self._admin, self._names.symbol
        base = symbol.partition("/")[0]
        self._check_market(base)
        known_assets = {asset.code for asset in admin.assets.list_assets()}
        for code, decimals in ((CASH, CASH_DECIMALS), (base, 0)):
            if code not in known_assets:
                admin.assets.add_asset(code, decimals=decimals)
        self._create_users(advance)
        run = self._names.run
        self._submit(
            [
                admin.accounts.prepare_deposit(user_id, asset, FUNDS, key=f"{run}-funds-{number}-{place}")
                for number, user_id in enumerate(self._user_ids)
                for place, asset in enumerate((CASH, base))
            ]
        )
        if symbol not in {instrument.symbol for instrument in admin.instruments.list_instruments()}:
            admin.instruments.add_instrument(symbol, base=base, quote=CASH, tick="0.01", lot=1)
        self._users = [self._exchange.as_user(user_id) for user_id in self._user_ids]

    def _check_market(self, base: str) -> None:
        """Raises LobsterError for assets or an instrument of that name that the file cannot be traded in."""
        decimals = {asset.code: asset.decimals for asset in self._admin.assets.list_assets()}
        for code, needed in ((CASH, CASH_DECIMALS), (base, 0)):
            if decimals.get(code, needed) != needed:
                raise LobsterError(
                    f"{code} has {decimals[code]} decimals here, the replay needs {needed}: use another folder"
                )
        for known in self._admin.instruments.list_instruments():
            grid = (known.base, known.quote, known.tick, known.lot, known.maker_fee, known.taker_fee)
            if known.symbol == self._names.symbol and grid != (base, CASH, "0.01", "1", "0", "0"):
                raise LobsterError(f"{known.symbol} has another grid or fees here: use another folder")

    def _create_users(self, advance: Advance) -> None:
        emails = {database.user_id: database.email for database in self._admin.databases.list_trading_databases()}
        for done, user_id in enumerate(self._user_ids, 1):
            email = f"{user_id}@replay.example"
            if emails.get(user_id, email) != email:
                raise LobsterError(f"user {user_id} is somebody else here ({emails[user_id]}): use another folder")
            if user_id not in emails:
                self._admin.databases.create_trading_database(user_id, email)
            advance(done, len(self._user_ids))

    def _decide(self, planned: Sequence[PlannedRow], advance: Advance) -> None:
        """A row is never split between two commits: what is in the journal of a row is all of it."""
        group: list[Prepared] = []
        for row in planned:
            number = row.row.number
            self._clock.set(self._day_us + row.row.time_us)
            group += [
                self._prepared(step, self._names.command_id(number, place)) for place, step in enumerate(row.steps)
            ]
            if len(group) >= COMMANDS_PER_COMMIT or number == len(self._planned):
                self._submit(group)
                group = []
                advance(number, len(self._planned))

    def _submit(self, group: Sequence[Prepared]) -> None:
        """Raises LobsterError for the first command that was not taken: the plan has none such."""
        for outcome in self._exchange.submit(group):
            if not outcome.ok:
                raise LobsterError(f"{outcome.command_id} was refused: {outcome.error or outcome.rejection}")

    def _prepared(self, step: Step, command_id: str) -> Prepared:
        symbol, name = self._names.symbol, self._names.client_order_id
        match step:
            case Place(key, user, side, price, size):
                return self._users[user].orders.prepare_order(
                    symbol, side, size, _price(price), client_order_id=name(key), command_id=command_id
                )
            case Reduce(key, user, size):
                return self._users[user].orders.prepare_amend(
                    client_order_id=name(key), symbol=symbol, quantity=size, command_id=command_id
                )
            case Cancel(key, user):
                return self._users[user].orders.prepare_cancel(client_order_id=name(key), command_id=command_id)
            case Execute(_, user, side, price, size):
                return self._users[user].orders.prepare_order(
                    symbol, side, size, _price(price), time_in_force="IOC", command_id=command_id
                )
            case OffBook(_, buyer, seller, price, size):
                return self._admin.transactions.prepare_transaction(
                    buyer=self._user_ids[buyer],
                    seller=self._user_ids[seller],
                    credit_type=symbol.partition("/")[0],
                    quantity=size,
                    price_per_credit=_price(price),
                    currency=CASH,
                    key=command_id,
                )
            case Halt():
                return self._admin.instruments.prepare_halt(symbol, command_id=command_id)
            case Resume():
                return self._admin.instruments.prepare_resume(symbol, command_id=command_id)


def _price(price: int) -> str:
    return f"{price // 10_000}.{price % 10_000:04}"


if __name__ == "__main__":
    main()
