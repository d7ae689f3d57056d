"""What an admin does to trading itself: mass cancels, suspensions, users' own fees, trades taken back."""

from __future__ import annotations

import attrs

from credit_trading.checks import checked_number
from credit_trading.errors import InvalidInput, NotFound, OrderRejected
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.events import CommandRejected, Trade, TradedOffBook, TransactionEntered, TransactionUpdated
from credit_trading.exchange.order import Side
from credit_trading.exchange.rejections import Rejection
from credit_trading.money import parse_rate
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.instrument_record import rate
from credit_trading.trading.outcome import MassCancelReport, Outcome
from credit_trading.trading.principal import Principal
from credit_trading.trading.sequencer import Prepared
from credit_trading.users import catalogue


@attrs.frozen
class UserFees:
    """A user's own rates in one instrument; None is the instrument's."""

    user_id: str
    symbol: str
    maker_fee: str | None
    taker_fee: str | None


@attrs.frozen(kw_only=True)
class Suspension:
    """How the user stands now; `orders` is how many were canceled."""

    user_id: str
    suspended: bool
    orders: int
    sequence: int


@attrs.frozen(kw_only=True)
class BustReport:
    """A trade that was taken back: `quantity` went back to the seller, `total_value` to the buyer, each with the fee they had paid.

    `symbol` is None off the book. `repeated`: it was busted before, and nothing was done again.
    """

    trade_id: int
    symbol: str | None
    credit_type: str
    currency: str
    buyer: str
    seller: str
    quantity: str
    total_value: str
    buyer_fee: str
    seller_fee: str
    sequence: int
    repeated: bool


class TradingAdministration:
    """For admins only; each of these stands in the journal and in the histories of the users concerned."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._principal = principal

    def cancel_all_orders(self, *, user_id: str | None = None, symbol: str | None = None) -> MassCancelReport:
        """Cancels all open orders of a user, of an instrument, or of a user in an instrument (FIX OrderMassCancelRequest 35=q).

        Raises InvalidInput where neither is named, NotFound.
        """
        if user_id is None and symbol is None:
            raise InvalidInput(
                "orders.cancel-all", "", "neither a user nor an instrument is named", hint="Name one of them, or both."
            )
        number = None if user_id is None else self._desk.user_number(user_id)
        known = None if symbol is None else self._desk.instrument(symbol).symbol
        prepared = self._prepare(cmd.CancelOrders(number, known))
        outcome, answer = self._desk.run("orders.cancel-all", user_id or symbol, prepared)
        return MassCancelReport.of(outcome, answer)

    def suspend_user(self, user_id: str, *, note: str | None = None) -> Suspension:
        """Cancels the user's open orders and refuses new ones; cancels, deposits and withdrawals go on. Raises NotFound."""
        command = cmd.SuspendUser(self._desk.user_number(user_id))
        _, answer = self._desk.run("users.suspend", user_id, self._prepare(command, note))
        return Suspension(user_id=user_id, suspended=True, orders=answer.orders, sequence=answer.sequence)

    def resume_user(self, user_id: str, *, note: str | None = None) -> Suspension:
        """The user may trade again. Raises NotFound."""
        command = cmd.ResumeUser(self._desk.user_number(user_id))
        outcome, _ = self._desk.run("users.resume", user_id, self._prepare(command, note))
        return Suspension(user_id=user_id, suspended=False, orders=0, sequence=outcome.sequence)

    def set_user_fees(
        self, user_id: str, symbol: str, *, maker_fee: Number | None = None, taker_fee: Number | None = None
    ) -> UserFees:
        """The rates of the user's orders in an instrument from now on; None is the instrument's own rate.

        Raises InvalidInput where the exchange could have to pay for a trade, NotFound.
        """
        number = self._desk.user_number(user_id)
        known = self._desk.instrument(symbol).symbol
        maker_ppm = None if maker_fee is None else parse_rate(maker_fee, what="maker fee")
        taker_ppm = None if taker_fee is None else parse_rate(taker_fee, what="taker fee")
        prepared = self._prepare(cmd.SetUserFees(number, known, maker_ppm, taker_ppm))
        self._desk.run("users.fees", user_id, prepared)
        return _user_fees(user_id, symbol, (maker_ppm, taker_ppm))

    def get_user_fees(self, user_id: str) -> list[UserFees]:
        """Where the user has rates of their own, by instrument. Raises NotFound."""
        number = self._desk.user_number(user_id)
        return self._desk.reading(
            lambda replica: [
                _user_fees(user_id, symbol, market.user_fees[number])
                for symbol, market in replica.markets.items()
                if number in market.user_fees
            ]
        )

    def bust_trade(self, trade_id: int, *, note: str | None = None) -> BustReport:
        """Takes a trade back, on the book or off it (FIX ExecType H): both sides give back what they got, fees included.

        Orders, and the prices that were made, stay as they are. Busting it again gives the first answer. Raises NotFound for a trade
        that never was or whose parties are gone, OrderRejected (`cannot_give_back`) that names who lacks what.
        """
        command = self._bust(trade_id)
        # Looked up before the commit: a reading that failed after it would look like its failure.
        base, quote = self._desk.asset(command.base), self._desk.asset(command.quote)
        buyer, seller = self._user_id(command.buyer), self._user_id(command.seller)
        (outcome,) = self._desk.sequencer.submit([self._prepare(command, note)])
        if outcome.rejection is Rejection.CANNOT_GIVE_BACK:
            raise self._cannot_give_back(command, outcome)
        outcome.checked("trades.bust", trade_id)
        return BustReport(
            trade_id=trade_id,
            symbol=command.symbol,
            credit_type=command.base,
            currency=command.quote,
            buyer=buyer,
            seller=seller,
            quantity=base.format(command.quantity),
            total_value=quote.format(command.value),
            buyer_fee=quote.format(command.buyer_fee),
            seller_fee=quote.format(command.seller_fee),
            sequence=outcome.sequence,
            repeated=outcome.repeated,
        )

    def _bust(self, trade_id: int) -> cmd.BustTrade:
        """What the trade posted, as the journal has it."""
        trade_id = checked_number(
            trade_id,
            what="trades.bust",
            problem="a trade id is a whole number above zero",
            hint="For example 17.",
            least=1,
        )
        with self._desk.live.history() as log:
            trade = log.trade(trade_id)
        if isinstance(trade, TradedOffBook):
            return cmd.BustTrade(
                trade_id, None, trade.base, trade.quote, trade.buyer, trade.seller, trade.quantity, trade.total, 0, 0
            )
        if isinstance(trade, TransactionEntered | TransactionUpdated):
            return _bust_of_entered(trade_id, trade)
        if trade is None:
            raise NotFound(
                "trades.bust", trade_id, "no such trade", hint="List them: credit-trading trades list SYMBOL."
            )
        return self._bust_on_book(trade)

    def _bust_on_book(self, trade: Trade) -> cmd.BustTrade:
        instrument = self._desk.instrument(trade.symbol)
        taker, maker = (trade.taker, trade.taker_fee), (trade.maker, trade.maker_fee)
        (buyer, buyer_fee), (seller, seller_fee) = (taker, maker) if trade.taker_side == Side.BUY else (maker, taker)
        return cmd.BustTrade(
            trade.trade,
            trade.symbol,
            instrument.base.code,
            instrument.quote.code,
            buyer,
            seller,
            instrument.quantity_units(trade.quantity_lots),
            trade.value,
            buyer_fee,
            seller_fee,
        )

    def _cannot_give_back(self, command: cmd.BustTrade, outcome: Outcome) -> OrderRejected:
        """The journal says which of the two it was."""
        with self._desk.live.history() as log:
            entry = log.entry(outcome.sequence)
        assert entry is not None
        assert isinstance(entry.event, CommandRejected)
        lacking = entry.event.user
        if lacking == command.buyer:
            missing = f"{self._desk.asset(command.base).format(command.quantity)} {command.base}"
        else:
            missing = f"{self._desk.asset(command.quote).format(command.value - command.seller_fee)} {command.quote}"
        code = Rejection.CANNOT_GIVE_BACK
        return OrderRejected(
            "trades.bust",
            command.trade,
            code.value,
            f"{code.sentence}: {self._user_id(lacking)} must give back {missing}",
            hint=code.hint,
        )

    def _user_id(self, number: int) -> str:
        with self._desk.live.history() as log:
            return catalogue.by_number(log.connection, number).user_id

    def _prepare(self, command: cmd.Command, note: str | None = None) -> Prepared:
        return self._desk.sequencer.prepare(command, scope=self._principal.scope, note=self._principal.note(note))


def _bust_of_entered(trade_id: int, trade: TransactionEntered | TransactionUpdated) -> cmd.BustTrade:
    """A deal between two users that was settled at once, or after it was pending."""
    assert trade.counterparty is not None, "only a deal between two users has the number of a trade"
    assert trade.currency is not None
    buyer, seller = (trade.user, trade.counterparty) if trade.asset_change > 0 else (trade.counterparty, trade.user)
    quantity, value = abs(trade.asset_change), abs(trade.currency_change)
    return cmd.BustTrade(trade_id, None, trade.asset, trade.currency, buyer, seller, quantity, value, 0, 0)


def _user_fees(user_id: str, symbol: str, own: tuple[int | None, int | None]) -> UserFees:
    maker_ppm, taker_ppm = own
    return UserFees(
        user_id,
        symbol,
        None if maker_ppm is None else rate(maker_ppm),
        None if taker_ppm is None else rate(taker_ppm),
    )
