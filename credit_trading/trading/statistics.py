"""A user's trading statistics, as the user's file keeps them up: in all, or by day, week or month.

Here: which periods are asked for, rows as text, what holdings are worth now, and the cost method. Never here: counting (users/tables).
Always: every number is exact or says how it is rounded; history is not read.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import islice

import attrs

from credit_trading.checks import checked_limit, checked_text, shown
from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.entered import CostMethod
from credit_trading.exchange.market import Market
from credit_trading.exchange.replica import Replica
from credit_trading.money import Asset
from credit_trading.money.amount import decimals_of, format_units, parse_units
from credit_trading.money.asset import MAX_DECIMALS
from credit_trading.store.sqlite import Connection
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.order_input import Moment
from credit_trading.trading.outcome import percent
from credit_trading.trading.periods import checked_order, period_moment_us
from credit_trading.trading.principal import Principal
from credit_trading.trading.records import StatisticsRecord
from credit_trading.users.tables import contents
from credit_trading.users.tables import statistics_questions as questions
from credit_trading.users.tables.cost_pool import BILLION, Sum, divided, plus
from credit_trading.users.tables.reckoning import DAY_US, Figures

PERIODS = ("all", "day", "week", "month")

Marks = Mapping[tuple[str, str], Number]
"""What one whole credit is worth, by credit type and currency."""

Pair = tuple[str, str]
"""A credit type and a currency."""

Price = tuple[int, int]
"""A whole number, and how many decimals it has."""

_Chosen = tuple[str | None, str | None]
_MARK = 'Write {("VCS-1340-2020", "USD"): "12.50"}.'
_OPERATION = "transactions.statistics"
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _END = -_EPOCH, date.max.toordinal() - _EPOCH
_FINER = 4
"""Decimals of an average cost beyond the currency's."""


@attrs.frozen
class CostMethodReport:
    """How the user's cost is reckoned from here on: `average` or `fifo`. `repeated`: the command id was known, nothing was changed."""

    cost_method: str
    sequence: int
    command_id: str
    repeated: bool


class OwnStatistics:
    """The statistics of the user it is bound to."""

    _desk: Desk
    _principal: Principal
    _user: int

    def calculate_trading_statistics(
        self,
        *,
        period: str = "all",
        credit_type: str | None = None,
        currency: str | None = None,
        from_: Moment | None = None,
        to: Moment | None = None,
        marks: Marks | None = None,
        limit: int | None = None,
    ) -> list[StatisticsRecord]:
        """By credit type and currency; the latest `period` first, of those in which something happened.

        Periods are UTC, weeks begin on Monday; those are told that `from_` (inclusive) to `to` (exclusive) touches, whole; in `all`, all
        days that it touches together. What is there now is worth what `marks` say, or the last trade in the book. Raises InvalidInput.
        """
        if period not in PERIODS:
            raise InvalidInput(_OPERATION, shown(period), "no such period", hint=f"Choose from {', '.join(PERIODS)}.")
        chosen = (
            None if credit_type is None else checked_text(credit_type, what="credit type"),
            None if currency is None else checked_text(currency, what="currency"),
        )
        first, end = _days(from_, to, period)
        most = checked_limit(limit, what=_OPERATION)
        if period == "all" and from_ is None and to is None:
            found = self._as_of_now(chosen, marks or {})
        elif marks is not None:
            problem = "marks say what holdings are worth now, and this is a period"
            raise InvalidInput(_OPERATION, period, problem, hint="Ask for all, without from and to.")
        else:

            def over_periods(connection: Connection) -> tuple[StatisticsRecord, ...]:
                records = _over_periods(connection, self._desk.asset, period, first, end, chosen)
                return tuple(records if most < 0 else islice(records, most))

            return list(self._desk.ask(self._user, ("statistics", period, first, end, chosen, most), over_periods))
        return found if most < 0 else found[:most]

    def get_cost_method(self) -> str:
        """How cost is taken out of what was paid for all that is there: `average` (the running average) or `fifo` (the oldest first)."""
        return self._desk.ask(self._user, "cost method", contents.cost_method)

    def set_cost_method(self, method: str, *, command_id: str | None = None) -> CostMethodReport:
        """From here on all of the user's statistics are reckoned so, those of the past, too; no balance depends on it.

        Raises InvalidInput, CommandConflict.
        """
        if method not in tuple(CostMethod):
            raise InvalidInput(
                "transactions.cost-method",
                shown(method),
                "no such cost method",
                hint=f"Choose from {', '.join(CostMethod)}.",
            )
        prepared = self._desk.sequencer.prepare(
            cmd.SetCostMethod(self._user, str(method)),
            scope=self._principal.scope,
            command_id=self._principal.scoped(command_id),
            note=self._principal.note(),
        )
        outcome, _ = self._desk.run("transactions.cost-method", method, prepared)
        return CostMethodReport(str(method), outcome.sequence, outcome.command_id, outcome.repeated)

    def _as_of_now(self, chosen: _Chosen, marks: Marks) -> list[StatisticsRecord]:
        given = self._prices(marks)
        rows = self._desk.ask(
            self._user, ("statistics", chosen), lambda connection: questions.in_all(connection, *chosen)
        )
        prices = self._desk.reading(lambda replica: _last_prices(replica, {row[:2] for row in rows})) | given
        found = []
        for row in rows:
            base, quote = self._desk.asset(row.credit_type), self._desk.asset(row.currency)
            price = prices.get(row[:2])
            worth = None if price is None else _worth(base, quote, row, price)
            found.append(_record(base, quote, row.figures, row.holdings, value=worth))
        return found

    def _prices(self, marks: Marks) -> dict[Pair, Price]:
        """Raises InvalidInput, also for what is no asset."""
        if not isinstance(marks, Mapping):
            raise InvalidInput("marks", shown(marks), "no marks", hint=_MARK)
        found: dict[Pair, Price] = {}
        for pair, price in marks.items():
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise InvalidInput("marks", shown(pair), "a mark is for a credit type and a currency", hint=_MARK)
            try:
                credit_type, currency = (self._desk.asset(code).code for code in pair)
            except NotFound as error:
                raise InvalidInput("marks", "/".join(pair), "no such pair", hint=str(error.hint)) from error
            decimals = min(decimals_of(price, what="mark"), MAX_DECIMALS)
            found[credit_type, currency] = parse_units(price, decimals, what="mark"), decimals
        return found


# Periods


def _days(from_: Moment | None, to: Moment | None, period: str) -> tuple[int, int]:
    """The first day of the first period that these touch, and the first one after the last."""
    first_us = None if from_ is None else period_moment_us(from_, what="from")
    end_us = None if to is None else period_moment_us(to, what="to")
    if first_us is not None and end_us is not None:
        checked_order(from_us=first_us, to_us=end_us, what=_OPERATION)
    first = _FIRST if first_us is None else _bounds(first_us // DAY_US, period)[0]
    if end_us is None:
        return first, _END
    return first, first if end_us == first_us else _bounds((end_us - 1) // DAY_US, period)[1]


def _bounds(day: int, period: str) -> tuple[int, int]:
    """The first day of the period that the day is in, and the first after it; in `all` days are not grouped yet."""
    if period == "week":
        start = day - (day + 3) % 7  # 1970 began on a Thursday
        return start, start + 7
    if period == "month":
        of_month = date.fromordinal(day + _EPOCH)
        start = day + 1 - of_month.day
        return start, start + monthrange(of_month.year, of_month.month)[1]
    return day, day + 1


def _over_periods(
    connection: Connection, assets: Callable[[str], Asset], period: str, first: int, end: int, chosen: _Chosen
) -> Iterator[StatisticsRecord]:
    """Days are summed up; what is there, and what it cost, is that of the end of the period. The latest first."""
    sums: dict[tuple[int, int, str, str], Figures] = {}
    for credit_type, currency, day, figures in questions.by_day(connection, *chosen, first=first, end=end):
        begins, ends = (first, end) if period == "all" else _bounds(day, period)
        sums.setdefault((-begins, ends, credit_type, currency), Figures()).add(figures)
    for key in sorted(sums):
        begins, ends, credit_type, currency = -key[0], *key[1:]
        sums[key].cost, sums[key].cost_part = questions.cost_before(connection, credit_type, currency, ends)
        holdings = questions.holdings_before(connection, credit_type, ends)
        between = (_text(begins), _text(ends))
        yield _record(assets(credit_type), assets(currency), sums[key], holdings, between=between)


def _text(day: int) -> str | None:
    """None for a bound that was not given."""
    return None if day in (_FIRST, _END) else format_time(day * DAY_US)


# Records


def _record(
    base: Asset,
    quote: Asset,
    figures: Figures,
    holdings: Sum,
    *,
    between: tuple[str | None, str | None] = (None, None),
    value: _Worth | None = None,
) -> StatisticsRecord:
    volume = plus(figures.bought_quantity, figures.sold_quantity)
    turnover = plus(figures.bought_value, figures.sold_value)
    return StatisticsRecord(
        period_start=between[0],
        period_end=between[1],
        credit_type=base.code,
        currency=quote.code,
        holdings=_units(base, holdings),
        cost=_units(quote, figures.cost),
        average_cost=_average_cost(base, quote, figures.cost_billionths, holdings),
        realised_profit=_units(quote, figures.realised_profit),
        market_price=None if value is None else value.price,
        market_value=None if value is None else value.value,
        unrealised_profit=None if value is None else value.profit,
        trades=figures.trades,
        bought_quantity=_units(base, figures.bought_quantity),
        sold_quantity=_units(base, figures.sold_quantity),
        bought_value=_units(quote, figures.bought_value),
        sold_value=_units(quote, figures.sold_value),
        volume=_units(base, volume),
        turnover=_units(quote, turnover),
        fees=_units(quote, figures.fees),
        cost_moved_in=_units(quote, figures.cost_moved_in),
        cost_moved_out=_units(quote, figures.cost_moved_out),
        best_trade=_units(quote, figures.best_trade),
        worst_trade=_units(quote, figures.worst_trade),
        orders_placed=figures.orders_placed,
        orders_filled=figures.orders_filled,
        orders_canceled=figures.orders_canceled,
        orders_expired=figures.orders_expired,
        orders_rejected=figures.orders_rejected,
        ordered_quantity=_units(base, figures.ordered_quantity),
        filled_quantity=_units(base, figures.filled_quantity),
        fill_ratio=_fill_ratio(figures.filled_quantity, figures.ordered_quantity),
        average_time_to_fill=_average_time(figures.time_to_fill, figures.orders_filled),
        last_trade_at=None if figures.last_trade_at is None else format_time(figures.last_trade_at),
    )


def _units(asset: Asset, units: Sum) -> str | None:
    return None if units is None else asset.format(units)


def _average_cost(base: Asset, quote: Asset, billionths: Sum, holdings: Sum) -> str | None:
    if billionths is None or holdings is None or holdings <= 0:
        return None
    average = divided(billionths * 10 ** (_FINER + base.decimals), holdings * BILLION)
    return format_units(average, quote.decimals + _FINER)


def _fill_ratio(filled: Sum, ordered: Sum) -> str | None:
    return percent(filled, ordered) if ordered and filled is not None else None


def _average_time(total_us: Sum, orders: int) -> str | None:
    return format_units(total_us // orders, 6) if orders and total_us is not None else None


# What it is worth


@attrs.frozen
class _Worth:
    """Of all that is there, as text; `profit` is None where that cannot be told."""

    price: str
    value: str
    profit: str | None


def _worth(base: Asset, quote: Asset, row: questions.InAll, price: Price) -> _Worth:
    """Exact: with more decimals than the currency where they are needed."""
    units, price_decimals = price
    decimals = max(base.decimals + price_decimals, quote.decimals)
    value = row.holdings * units * 10 ** (decimals - base.decimals - price_decimals)
    cost = row.figures.cost
    return _Worth(
        format_units(units, price_decimals),
        _trimmed(value, decimals, quote),
        None
        if cost is None or row.is_shared
        else _trimmed(value - cost * 10 ** (decimals - quote.decimals), decimals, quote),
    )


def _trimmed(units: int, decimals: int, quote: Asset) -> str:
    """Without zeros beyond the currency's decimals."""
    while decimals > quote.decimals and units % 10 == 0:
        units, decimals = units // 10, decimals - 1
    return format_units(units, decimals)


def _last_prices(replica: Replica, pairs: set[Pair]) -> dict[Pair, Price]:
    """Of these, those that one instrument trades and has traded; of a pair with several, no price is the last."""
    markets: dict[Pair, list[Market]] = {pair: [] for pair in pairs}
    for market in replica.markets.values():
        pair = (market.instrument.base.code, market.instrument.quote.code)
        if pair in markets:
            markets[pair].append(market)
    found: dict[Pair, Price] = {}
    for pair, trading in markets.items():
        if len(trading) == 1 and trading[0].last_price_ticks is not None:
            instrument = trading[0].instrument
            found[pair] = instrument.price_units(trading[0].last_price_ticks), instrument.price_decimals
    return found
