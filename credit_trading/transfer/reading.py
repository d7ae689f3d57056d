"""From a line of a file to a transaction that the exchange could take.

Here: what of a line must agree with itself. Never here: the form of each value (values), what is in the exchange, balances (checking).
Always: every field that is wrong is told, and a line that is wrong anywhere is no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from credit_trading.errors import TradingError
from credit_trading.exchange.entered import WITH_COST, TransactionStatus
from credit_trading.exchange.recorded import BUSTS, DIRECTIONS, MOVES, Terms, changes, terms
from credit_trading.money import Asset
from credit_trading.transfer.lines import Line
from credit_trading.transfer.problems import Problems
from credit_trading.transfer.schema import TRANSACTIONS, Table
from credit_trading.transfer.values import (
    asset_of,
    id_in,
    moment_in,
    past_moment_in,
    price_in,
    signed_in,
    text_in,
    word_of,
)

T = TypeVar("T")

ROLES = ("maker", "taker")

_PRICE = ("price_per_credit", "total_value", "currency")
_OF_TRADES = (*_PRICE, "fee", "symbol", "role", "trade_reference")
_OF_UNSETTLED = ("expires_at", "status_changed_at", "status_reason")
_SETTLED = TransactionStatus.SETTLED.value


@attrs.frozen(kw_only=True)
class Transaction:
    """A line of transactions in smallest units. `recorded_at_us` is None where it does not say when it was entered."""

    line: Line = attrs.field(repr=False)
    user_id: str
    reference: str
    occurred_at_us: int
    kind: str
    asset: Asset
    quantity: int
    currency: Asset | None
    price: int | None
    price_decimals: int | None
    total: int | None
    fee: int
    counterparty: str | None
    symbol: str | None
    role: str | None
    trade_reference: str | None
    external_reference: str | None
    note: str | None
    recorded_at_us: int | None
    is_settled: bool

    @property
    def changes(self) -> list[tuple[str, int]]:
        """By asset, what it adds, in smallest units."""
        first, second = changes(self.kind, quantity=self.quantity, total=self.total or 0, fee=self.fee)
        return [(self.asset.code, first), *([(self.currency.code, second)] if self.currency else [])]

    def without_values(self) -> Transaction:
        """The same, without the texts that it was read from: of many, they take more memory than all the rest."""
        return attrs.evolve(self, line=Line(self.line.file, self.line.number, {}))

    @property
    def terms(self) -> Terms:
        """What a trade and its bust have in common: see `recorded.terms`."""
        return terms(
            self.kind,
            asset=self.asset.code,
            quantity=self.quantity,
            currency=self.currency.code if self.currency else None,
            price=self.price or 0,
            price_decimals=self.price_decimals or 0,
            total=self.total or 0,
            fee=self.fee,
        )


class Reader:
    """Reads the fields of one line; `ok` as long as none was wrong."""

    def __init__(self, line: Line, table: Table, problems: Problems) -> None:
        self.line = line
        self.ok = True
        self._problems = problems
        for field in table.fields:
            if field.needed and line.values.get(field.name) is None:
                self.wrong(field.name, "it is missing")

    def wrong(self, field: str, problem: str) -> None:
        self.ok = False
        self._problems.add(problem, self.line.file, self.line.number, field)

    def take(self, field: str, parse: Callable[[str], T]) -> T | None:
        """The field's value; None where it is not there, or wrong."""
        text = self.line.values.get(field)
        if text is None:
            return None
        try:
            return parse(text)
        except TradingError as error:
            self.wrong(field, f"{error.subject}: {error.problem}")
        except ValueError as error:
            self.wrong(field, str(error))
        return None


def transaction(line: Line, assets: Mapping[str, Asset], problems: Problems, *, now_us: int) -> Transaction | None:
    """Raises nothing: what is wrong goes to `problems`."""
    reader = Reader(line, TRANSACTIONS, problems)
    take = reader.take
    kind = take("transaction_type", word_of(tuple(DIRECTIONS)))
    asset = take("credit_type", asset_of(assets))
    currency = take("currency", asset_of(assets))
    quantity = take("quantity", lambda text: asset.parse_positive(text, what=text)) if asset else None
    total = take("total_value", lambda text: currency.parse(text, what=text)) if currency else None
    fee = take("fee", lambda text: signed_in(text, currency)) if currency else None
    price = take("price_per_credit", price_in)
    moment = take("transaction_date", lambda text: past_moment_in(text, now_us))
    recorded_at = take("recorded_at", lambda text: past_moment_in(text, now_us))
    status = take("status", word_of(tuple(TransactionStatus))) or _SETTLED
    texts = {field: take(field, id_in) for field in ("reference", "trade_reference", "external_reference")}
    words = {field: take(field, text_in) for field in ("user_id", "counterparty", "symbol", "note")}
    _check_status(reader, status)
    if moment is not None and recorded_at is not None and recorded_at < moment:
        reader.wrong("recorded_at", "it was entered before it happened")
    role = take("role", word_of(ROLES))
    if kind is not None:
        _check_shape(reader, kind, asset, currency)
    if words["counterparty"] is not None and words["counterparty"] == words["user_id"]:
        reader.wrong("counterparty", "nobody deals with themselves")
    if reader.ok and currency and asset and total is not None and price is not None and quantity is not None:
        _check_total(reader, asset, currency, quantity, total, price)
    if not reader.ok:
        return None
    assert kind is not None
    assert asset is not None
    assert quantity is not None
    assert moment is not None
    return Transaction(
        line=line,
        user_id=words["user_id"] or "",
        reference=texts["reference"] or "",
        occurred_at_us=moment,
        kind=kind,
        asset=asset,
        quantity=quantity,
        currency=currency,
        price=price[0] if price else None,
        price_decimals=price[1] if price else None,
        total=total,
        fee=fee or 0,
        counterparty=words["counterparty"],
        symbol=words["symbol"],
        role=role,
        trade_reference=texts["trade_reference"],
        external_reference=texts["external_reference"],
        note=words["note"],
        recorded_at_us=recorded_at,
        is_settled=status == _SETTLED,
    )


def _check_status(reader: Reader, status: str) -> None:
    """What only one that is not settled has. It is left out, and told of: so it must be right in form."""
    reader.take("expires_at", moment_in)
    reader.take("status_changed_at", moment_in)
    reader.take("status_reason", text_in)
    if status == _SETTLED:
        for field in _OF_UNSETTLED:
            if reader.line.values.get(field) is not None:
                reader.wrong(field, "a settled transaction has none: leave it empty")


def _check_shape(reader: Reader, kind: str, asset: Asset | None, currency: Asset | None) -> None:
    """A trade has a price in another asset; what comes in may have one; anything else has none."""
    values = reader.line.values
    given = {field for field in _OF_TRADES if values.get(field) is not None}
    if kind in MOVES:
        allowed = _PRICE if kind in WITH_COST else ()
        for field in _OF_TRADES:
            if field in given and field not in allowed:
                reader.wrong(field, f"a {kind} has none: leave it empty")
    if kind not in MOVES or (kind in WITH_COST and not given.isdisjoint(_PRICE)):
        for field in _PRICE:
            if field not in given:
                reader.wrong(field, f"a {kind} {'with a price ' if kind in MOVES else ''}needs it")
    if asset is not None and asset == currency:
        reader.wrong("currency", "an asset cannot be paid for with itself")
    if kind in BUSTS and "trade_reference" not in given:
        reader.wrong("trade_reference", "it names the trade that is taken back")


def _check_total(
    reader: Reader, asset: Asset, currency: Asset, quantity: int, total: int, price: tuple[int, int]
) -> None:
    """Price times quantity, to within a smallest unit: elsewhere it may have been rounded."""
    unit = 10 ** (asset.decimals + price[1])
    exact = quantity * price[0] * 10**currency.decimals
    if abs(exact - total * unit) >= unit:
        fitting = currency.format(exact // unit)
        reader.wrong("total_value", f"{currency.format(total)}, where price times quantity is {fitting}")
