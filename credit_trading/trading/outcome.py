"""What came of a command, in whole units and in decimal text."""

from __future__ import annotations

import attrs

from credit_trading.errors import OrderRejected, TradingError
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.rejections import Rejection
from credit_trading.money import Instrument, format_units

REPEATED_HINT = "This is the first answer to this id; to try again, choose a new one."


@attrs.frozen
class Outcome:
    """One command's answer. Exactly one of `answer` and `error` is there.

    `repeated` says that the command's id was known and its first answer is given again. `sequence` is where it stands in the journal;
    0 if it does not.
    """

    command_id: str
    answer: Answer | None
    error: TradingError | None = None
    repeated: bool = False

    @property
    def sequence(self) -> int:
        return self.answer.sequence if self.answer else 0

    @property
    def order_id(self) -> int | None:
        return (self.answer.order or None) if self.answer else None

    @property
    def status(self) -> str:
        """How the order stood when the command was done (FIX OrdStatus 39); empty where no order is concerned."""
        return self.answer.status if self.answer else ""

    @property
    def rejection(self) -> Rejection | None:
        return Rejection(self.answer.code) if self.answer and self.answer.code else None

    @property
    def ok(self) -> bool:
        return self.error is None and self.rejection is None

    def refusal(self) -> TradingError:
        """Why it was not done, as an error. Only where it is not `ok`."""
        try:
            self.checked("submit", self.command_id)
        except TradingError as error:
            return error
        raise AssertionError(f"{self.command_id} was done")

    def checked(
        self,
        operation: str,
        subject: object,
        *,
        user_id: str | None = None,
        symbol: str | None = None,
        order_id: int | None = None,
    ) -> Answer:
        """The answer. Raises OrderRejected where the market said no, and the error where there is one.

        Hints name the user, the instrument and the order, where these are given.
        """
        if self.error is not None:
            raise self.error
        assert self.answer is not None
        rejection = self.rejection
        if rejection is not None:
            hint = (
                REPEATED_HINT
                if self.repeated
                else _named(rejection.hint, USER_ID=user_id, SYMBOL=symbol, ORDER_ID=order_id)
            )
            raise OrderRejected(operation, subject, rejection.value, rejection.sentence, hint=hint)
        return self.answer


@attrs.frozen
class OrderReport:
    """FIX ExecutionReport (35=8): an order as it stood when a command on it was done. Amounts are exact decimal text.

    `project_id` is that of what is traded. `sequence` is where the command stands in the journal; `repeated` says that its id was known
    and this is its first answer.
    """

    order_id: int
    symbol: str
    project_id: str | None
    order_status: str
    reason: str | None
    quantity: str
    filled_quantity: str
    remaining_quantity: str
    percent_filled: str
    average_price: str | None
    fees: str
    sequence: int
    command_id: str
    repeated: bool

    @classmethod
    def of(cls, outcome: Outcome, answer: Answer, instrument: Instrument) -> OrderReport:
        return cls(
            order_id=answer.order,
            symbol=instrument.symbol,
            project_id=instrument.project_id,
            order_status=answer.status,
            reason=answer.reason or None,
            quantity=instrument.format_quantity(answer.quantity_lots),
            filled_quantity=instrument.format_quantity(answer.filled_lots),
            remaining_quantity=instrument.format_quantity(answer.quantity_lots - answer.filled_lots),
            percent_filled=percent(answer.filled_lots, answer.quantity_lots),
            average_price=average_price(
                instrument, value=answer.filled_value, quantity=instrument.quantity_units(answer.filled_lots)
            ),
            fees=instrument.quote.format(answer.fees),
            sequence=answer.sequence,
            command_id=outcome.command_id,
            repeated=outcome.repeated,
        )


@attrs.frozen
class MassCancelReport:
    """FIX OrderMassCancelReport (35=r): how many `orders` were canceled. `repeated`: the command's id was known, nothing was done again."""

    orders: int
    sequence: int
    command_id: str
    repeated: bool

    @classmethod
    def of(cls, outcome: Outcome, answer: Answer) -> MassCancelReport:
        return cls(answer.orders, answer.sequence, outcome.command_id, outcome.repeated)


def _named(hint: str, **names: str | int | None) -> str:
    for placeholder, name in names.items():
        if name is not None:
            hint = hint.replace(placeholder, str(name))
    return hint


def percent(part: int, whole: int) -> str:
    """Floored to a tenth, so that 100.0 means all of it."""
    return format_units(part * 1000 // whole, 1) if whole else "0.0"


def average_price(instrument: Instrument, *, value: int, quantity: int) -> str | None:
    """Volume-weighted (FIX AvgPx 6), four decimals finer than prices and floored there; None before the first fill. For display."""
    if not quantity:
        return None
    decimals = instrument.price_decimals + 4
    return format_units(
        value * 10 ** (decimals + instrument.base.decimals) // (quantity * 10**instrument.quote.decimals), decimals
    )
