"""A statement as one page to send on: HTML that needs no network and no script.

Here: what the template is given: charts, tables that a browser draws as they come into view, words. Never here: markup (statement.html) and
colours (statement.css), figures (reading).
Always: every value goes through the template's escaping; the page is written as the lines come, one table of them in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, groupby, islice
from typing import BinaryIO

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from credit_trading.clock import format_time, parse_time
from credit_trading.money.amount import format_units
from credit_trading.statements.charts import Chart, columns, steps
from credit_trading.statements.reading import OpenStatement
from credit_trading.statements.records import Statement, StatementLine
from credit_trading.statements.results import profit_by_day
from credit_trading.statements.series import DAY_US, Series
from credit_trading.statements.words import contents, cost_method, why_no_profit
from credit_trading.users.tables.balances_over_time import BOOKED

LINES_AT_ONCE = 250
"""Lines of one table: a browser leaves out the tables that are far from what is seen, so a hundred thousand lines open at once."""

MOST_CHARTS = 8
"""Of holdings: the assets that moved most; the tables have all."""

_LONG = 16
"""Characters of an amount beyond which a table does not fit on paper unless amounts are broken."""

_PIECES = 64
"""Parts of the template's output that are written together."""


@attrs.frozen
class Part:
    """Some lines of one month, for one table."""

    month: str
    begins_month: bool
    lines: list[StatementLine]


def write_html(file: BinaryIO, source: OpenStatement) -> None:
    """The template draws each part as it is asked for."""
    holdings, left_out = _holdings(source)
    stream = _template().generate(
        statement=source.statement,
        period=period(source.statement),
        charts=holdings + _profits(source) + _volumes(source.series),
        left_out=left_out,
        is_fine=any(len(balance.closing) > _LONG for balance in source.statement.balances),
        has_rebates=any(fee.fees.startswith("-") for fee in source.statement.fees),
        contents=contents(source.statement),
        cost_method=cost_method(source.statement),
        why_no_profit=why_no_profit(source.statement),
        parts=_parts(source.lines(), source.statement.by),
    )
    while pieces := list(islice(stream, _PIECES)):
        file.write("".join(pieces).encode())


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("credit_trading.statements", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for one in (amount, moment, names, other_moment, signed, significant, words):
        environment.filters[one.__name__] = one
    return environment.get_template("statement.html")


def amount(text: str | None) -> str:
    """Exact decimal text with its thousands apart and a real minus; nothing for None."""
    if text is None:
        return ""
    whole, point, part = text.removeprefix("-").partition(".")
    return ("\N{MINUS SIGN}" if text.startswith("-") else "") + f"{int(whole):,}" + point + part


def signed(text: str) -> str:
    """The same of a change: what comes in has a plus."""
    return amount(text) if text.startswith("-") or not significant(text) else f"+{amount(text)}"


def moment(iso: str) -> str:
    """To the second, as people write it; the day alone where it begins."""
    date, _, time = iso.partition("T")
    return date if time == "00:00:00.000000Z" else f"{date} {time[:8]}"


def words(name: str) -> str:
    """`transfer_in` as two words."""
    return name.replace("_", " ")


def significant(text: str) -> bool:
    """Whether it is anything but zero."""
    return bool(text.strip("-0."))


def names(line: StatementLine) -> str:
    """What the transaction is called here and elsewhere."""
    known = {"order": line.order_id, "trade": line.trade_id, "reference": line.external_reference}
    return " · ".join(f"{what} {name}" for what, name in known.items() if name is not None)


def other_moment(line: StatementLine, by: str) -> str:
    """When it happened of one that is told as booked, and the other way round; nothing where that is the same second."""
    happened, booked = moment(line.transaction_date), moment(line.booked_at)
    if happened == booked:
        return ""
    return f"happened {happened}" if by == BOOKED else f"booked {booked}"


def period(statement: Statement) -> str:
    """Whole days by the first and the last, as people count them; else the two moments."""
    begins, ends = moment(statement.begins_at), moment(statement.ends_at)
    if len(ends) == len("2026-03-01") and statement.begins_at < statement.ends_at:
        ends = format_time(parse_time(statement.ends_at) - 1)[:10]
        return f"{begins} (UTC)" if begins == ends else f"{begins} to {ends} (UTC)"
    return f"{begins} to {ends} (UTC)"


def _parts(lines: Iterator[StatementLine], by: str) -> Iterator[Part]:
    for month, of_month in groupby(
        lines, key=lambda line: (line.booked_at if by == BOOKED else line.transaction_date)[:7]
    ):
        begins = True
        while some := list(islice(of_month, LINES_AT_ONCE)):
            yield Part(month, begins, some)
            begins = False


def _holdings(source: OpenStatement) -> tuple[list[Chart], int]:
    """Of the assets that moved most, in the order of their codes; how many others there are."""
    series = source.series
    assets = sorted(series.changes, key=lambda asset: (-series.changes[asset], asset))
    drawn = sorted(assets[:MOST_CHARTS])
    return [_holding(source, asset) for asset in drawn], len(assets) - len(drawn)


def _holding(source: OpenStatement, asset: str) -> Chart:
    series = source.series
    units, decimals = source.holdings(asset, series.moments_us), series.decimals[asset]
    known = (units[0], units[-1], series.least[asset], series.most[asset])
    told = [amount(format_units(one, decimals)) for one in known]
    return steps(
        series.moments_us,
        units,
        decimals,
        title=f"{asset} held",
        description=f"{told[0]} {asset} at the beginning, {told[1]} at the end; at least {told[2]}, at most {told[3]}.",
    )


def _profits(source: OpenStatement) -> list[Chart]:
    """A single day has no course."""
    series = source.series
    if series.to_us - series.from_us <= DAY_US:
        return []
    by_currency = profit_by_day(source.days or (), source.profits)
    return [_profit(series, currency, days) for currency, days in by_currency.items()]


def _profit(series: Series, currency: str, days: dict[int, int]) -> Chart:
    """What was realised from the beginning on; it is known by the day, and drawn at noon."""
    noons = [min(max(day * DAY_US + DAY_US // 2, series.from_us), series.to_us) for day in days]
    sums = list(accumulate(days.values(), initial=0))
    told = [
        f"{signed(format_units(one, series.decimals[currency]))} {currency}" for one in (sums[-1], min(sums), max(sums))
    ]
    return steps(
        [series.from_us, *noons, series.to_us],
        [0, 0, *sums[1:]],
        series.decimals[currency],
        title=f"Realised profit so far, {currency}",
        description=f"{told[0]} in all; at the least {told[1]}, at the most {told[2]} since the beginning.",
    )


def _volumes(series: Series) -> list[Chart]:
    return [_volume(series, currency, sums) for currency, sums in sorted(series.volumes.items())]


def _volume(series: Series, currency: str, sums: Sequence[int]) -> Chart:
    decimals = series.decimals[currency]
    begins = [series.from_us, *series.ends_us]
    texts = [f"{amount(format_units(one, decimals))} {currency}" for one in sums]
    largest = max(range(len(sums)), key=sums.__getitem__)
    return columns(
        series.from_us,
        series.ends_us,
        sums,
        [f"{moment(format_time(begin))}: {text}" for begin, text in zip(begins, texts, strict=False)],
        decimals,
        title=f"Traded value by {series.every}, {currency}",
        description=f"{amount(format_units(sum(sums), decimals))} {currency} in all; most, {texts[largest]}, in the {series.every}"
        f" from {moment(format_time(begins[largest]))} on.",
    )
