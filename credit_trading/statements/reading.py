"""A statement as it is read from a user's file: what stands in it, line by line, and what it adds up to.

Here: which period, its sums, its lines, and that they tie. Never here: SQL (users), how a statement looks (page, rows).
Always: all of it is as of one moment of the file; of each asset opening + changes = closing, or there is no statement; one line is in
memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import attrs

from credit_trading.checks import shown
from credit_trading.clock import format_time
from credit_trading.errors import FileCorrupt, InvalidInput
from credit_trading.money.amount import format_units
from credit_trading.statements.records import (
    LineChange,
    Statement,
    StatementBalance,
    StatementFee,
    StatementLine,
)
from credit_trading.statements.results import Pair, Profit, Trading, profits, results
from credit_trading.statements.series import DAY_US, Series
from credit_trading.store.sqlite import Connection
from credit_trading.trading.balances import checked_way, net_flow
from credit_trading.trading.desk import Desk
from credit_trading.trading.order_input import Moment
from credit_trading.trading.periods import checked_order, period_moment_us
from credit_trading.users.handles import as_user_file
from credit_trading.users.tables import balances_over_time as past
from credit_trading.users.tables import contents, statement_rows
from credit_trading.users.tables.statement_rows import DayResult, MovedTransaction, Movement

_OPERATION = "statement"


LONGEST_WAIT_S = 0.001
"""For the clock to pass the last event."""


@attrs.frozen
class Period:
    """From the one moment up to before the other; `from_us` is None where it begins with the first transaction."""

    from_us: int | None
    to_us: int
    now_us: int
    is_current: bool
    is_final: bool

    @classmethod
    def of(cls, desk: Desk, from_: Moment | None, to: Moment | None) -> Period:
        """Up to now if it has no end. Raises InvalidInput, Busy.

        After this nothing can be booked before its end: whoever was writing when now was asked for has finished. Only where the clock has
        not come beyond the last event, that lags behind it or stands, more may be booked at that very moment: it is not final then.
        """
        clock = desk.sequencer.clock
        now_us = clock.now_us()
        with desk.live.turn():
            pass
        now_us = max(now_us, desk.reading(lambda replica: replica.time_us))
        wait_until = monotonic() + LONGEST_WAIT_S
        while clock.now_us() <= now_us and monotonic() < wait_until:
            sleep(LONGEST_WAIT_S / 10)
        to_us = now_us + 1 if to is None else period_moment_us(to, what="to")
        if to_us > now_us + 1:
            problem = "the period has not ended yet, so nobody knows what will be in it"
            raise InvalidInput("to", shown(to), problem, hint="Leave the end out for one up to now.")
        from_us = None if from_ is None else period_moment_us(from_, what="from")
        if from_us is not None:
            checked_order(from_us=from_us, to_us=to_us, what=_OPERATION)
        return cls(from_us, to_us, now_us, to_us > now_us, to_us <= now_us or clock.now_us() > now_us)


class OpenStatement:
    """A statement that is being read; `lines` may be gone through as often as it is needed while it is open."""

    def __init__(self, connection: Connection, path: Path, period: Period, by: str) -> None:
        self._connection = connection
        self._path = path
        self._by = by
        self._decimals = past.decimals_of_assets(connection)
        self._from_us = self._beginning(period)
        self._to_us = period.to_us
        self._opening = self._balances(self._from_us)
        self._closing = self._balances(self._to_us)
        self.series = Series(self._decimals, from_us=self._from_us, to_us=self._to_us)
        self._since_us = self._from_us if period.from_us is not None else 0
        self.days = self._days(period)
        self.profits: dict[Pair, Profit] = {}
        self.statement = self._summed(period)

    def lines(self) -> Iterator[StatementLine]:
        """In the order of time: they lead from the opening to the closing balances, or there would be no statement."""
        for number, (movement, transaction, balances) in enumerate(self._rows(), 1):
            yield self._line(number, movement, transaction, balances)

    def holdings(self, asset: str, moments_us: list[int]) -> list[int]:
        """What there was of it just before each of these moments, which ascend."""
        with as_user_file(self._path):
            return past.balances_before(self._connection, asset, moments_us, self._by)

    def _beginning(self, period: Period) -> int:
        """Unless it is given, the day of the first transaction."""
        if period.from_us is not None:
            return period.from_us
        firsts = (past.first_moment(self._connection, asset, self._by) for asset in self._decimals)
        first = min((one for one in firsts if one is not None), default=period.now_us)
        return min(first, period.to_us) // DAY_US * DAY_US

    def _days(self, period: Period) -> list[DayResult] | None:
        """What came of each day's trading; None unless the period begins and ends with a day, or ends now.

        Where the period is all there is, of all days: also of those on which something happened before anything was booked.
        """
        if self._from_us % DAY_US or (self._to_us % DAY_US and not period.is_current):
            return None
        days = {"from_day": self._since_us // DAY_US, "to_day": -(-self._to_us // DAY_US)}
        return list(statement_rows.day_results(self._connection, **days))

    def _is_late(self, credit_type: str) -> bool:
        """By date, everything counts from when it happened, so nothing is."""
        period = {"from_us": self._since_us, "to_us": self._to_us}
        return self._by == past.BOOKED and statement_rows.is_told_across(self._connection, credit_type, **period)

    def _balances(self, moment_us: int) -> dict[str, int]:
        return {
            asset: past.balances_before(self._connection, asset, [moment_us], self._by)[0] for asset in self._decimals
        }

    def _rows(self) -> Iterator[tuple[Movement, MovedTransaction, dict[str, int]]]:
        """Each movement with its transaction, and what there was of everything after it."""
        running = dict(self._opening)
        with as_user_file(self._path):
            period = {"from_us": self._from_us, "to_us": self._to_us}
            for movement in statement_rows.movements(self._connection, **period, by=self._by):
                for change in movement.changes:
                    running[change.asset] += change.change
                    if self._by == past.BOOKED and running[change.asset] != change.balance:
                        raise self._untied(change.asset, f"event {change.sequence}", change.balance, running)
                transaction = statement_rows.moved_transaction(self._connection, movement.transaction_id)
                if transaction is None:
                    raise self._corrupt(f"transaction {movement.transaction_id} is missing from trading_transactions")
                yield movement, transaction, running

    def _summed(self, period: Period) -> Statement:
        """Goes through all lines once."""
        sums: dict[str, dict[str, past.Flow]] = {asset: {} for asset in self._decimals}
        fees: dict[str, int] = defaultdict(int)
        trading, count = Trading(), 0
        self.series.begin(self._opening)
        for movement, transaction, balances in self._rows():
            count += 1
            kind = transaction.transaction_type
            for change in movement.changes:
                more = past.Flow(1, max(change.change, 0), max(-change.change, 0))
                sums[change.asset][kind] = sums[change.asset].get(kind, past.Flow(0, 0, 0)).plus(more)
            if transaction.currency is not None and transaction.fee:
                fees[transaction.currency] += transaction.fee
            trading.add(transaction)
            self.series.add(movement, transaction, balances)
        self._check_sums(sums)
        with as_user_file(self._path):
            self.profits = profits(self.days, trading.by_pair, self._is_late)
            who = statement_rows.standing(self._connection)
            current = period.is_current
            return Statement(
                exchange_id=who.exchange_id,
                user_id=who.user_id,
                email=who.email,
                begins_at=format_time(self._from_us),
                ends_at=format_time(self._to_us),
                by=self._by,
                made_at=format_time(period.now_us),
                is_current=current,
                is_final=period.is_final,
                as_of_sequence=who.sequence,
                as_of_hash=who.hash.hex(),
                cost_method=who.cost_method,
                transactions=count,
                balances=self._balance_records(sums, is_current=current),
                flows=[
                    net_flow(asset, self._decimals[asset], dict(sorted(of_asset.items())))
                    for asset, of_asset in sums.items()
                    if of_asset
                ],
                fees=[
                    StatementFee(currency=currency, fees=format_units(units, self._decimals[currency]))
                    for currency, units in sorted(fees.items())
                ],
                results=results(trading, self.profits, self._decimals),
                pending=statement_rows.pending_transactions(self._connection) if current else [],
                open_orders=statement_rows.open_orders(self._connection) if current else [],
            )

    def _check_sums(self, sums: Mapping[str, Mapping[str, past.Flow]]) -> None:
        """The sums of all lines lead from the opening to the closing balances, which are asked for by themselves."""
        for asset, flows in sums.items():
            total = self._opening[asset] + sum(flow.inflow - flow.outflow for flow in flows.values())
            if total != self._closing[asset]:
                raise self._untied(asset, "the end of the period", self._closing[asset], {asset: total})

    def _balance_records(
        self, sums: Mapping[str, Mapping[str, past.Flow]], *, is_current: bool
    ) -> list[StatementBalance]:
        """Assets that there were none of, and that did not move, are left out."""
        present = past.present_balances(self._connection) if is_current else {}
        records = []
        for asset, decimals in self._decimals.items():
            opening, closing = self._opening[asset], self._closing[asset]
            posted, held = present.get(asset, (closing, 0))
            if is_current and posted != closing:
                raise self._untied(asset, "its balance now", posted, self._closing)
            if opening or closing or sums[asset]:
                records.append(
                    StatementBalance(
                        asset=asset,
                        opening=format_units(opening, decimals),
                        inflow=format_units(sum(flow.inflow for flow in sums[asset].values()), decimals),
                        outflow=format_units(sum(flow.outflow for flow in sums[asset].values()), decimals),
                        closing=format_units(closing, decimals),
                        held=format_units(held, decimals) if is_current else None,
                        available=format_units(closing - held, decimals) if is_current else None,
                    )
                )
        return records

    def _line(
        self, number: int, movement: Movement, transaction: MovedTransaction, balances: Mapping[str, int]
    ) -> StatementLine:
        decimals = self._decimals
        price, currency = transaction.price_per_credit, transaction.currency
        return StatementLine(
            number=number,
            transaction_id=transaction.transaction_id,
            transaction_date=format_time(movement.happened_at_us),
            booked_at=format_time(movement.booked_at_us),
            sequence=movement.sequence,
            transaction_type=transaction.transaction_type,
            credit_type=transaction.credit_type,
            quantity=format_units(transaction.quantity, decimals[transaction.credit_type]),
            price_per_credit=None if price is None else format_units(price, transaction.price_decimals or 0),
            total_value=self._money(transaction.total_value, currency),
            fee=self._money(transaction.fee, currency),
            currency=currency,
            counterparty=transaction.counterparty,
            symbol=transaction.symbol,
            order_id=transaction.order_id,
            trade_id=transaction.trade_id,
            external_reference=transaction.external_reference,
            reference=transaction.reference,
            note=transaction.note,
            project_id=transaction.project_id,
            changes=[
                LineChange(
                    asset=change.asset,
                    change=format_units(change.change, decimals[change.asset]),
                    balance=format_units(balances[change.asset], decimals[change.asset]),
                )
                for change in sorted(movement.changes, key=lambda change: change.asset != transaction.credit_type)
            ],
        )

    def _money(self, units: int | None, currency: str | None) -> str | None:
        return None if units is None or currency is None else format_units(units, self._decimals[currency])

    def _untied(self, asset: str, where: str, expected: int, found: Mapping[str, int]) -> FileCorrupt:
        decimals = self._decimals[asset]
        return self._corrupt(
            f"the changes of {asset} do not tie: at {where} there is {format_units(expected, decimals)},"
            f" and they lead to {format_units(found[asset], decimals)}"
        )

    def _corrupt(self, problem: str) -> FileCorrupt:
        return FileCorrupt(
            _OPERATION,
            self._path,
            problem,
            hint="No statement was made. See what is wrong: credit-trading verify --deep.",
        )


@contextmanager
def opened(desk: Desk, number: int, *, from_: Moment | None, to: Moment | None, by: str) -> Iterator[OpenStatement]:
    """The user's statement; what is read of it is as of one moment, and whoever trades meanwhile does not wait."""
    way, period = checked_way(by), Period.of(desk, from_, to)
    with ExitStack() as stack:
        stack.enter_context(desk.files.unforked())
        with desk.projector.caught_up(number):
            connection = desk.files.open_for_reading(number)
        stack.callback(connection.close)
        path = desk.files.path_of(number)
        with as_user_file(path):
            stack.enter_context(contents.snapshot(connection))
            statement = OpenStatement(connection, path, period, way)
        yield statement
