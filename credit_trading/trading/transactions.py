"""TransactionService: what moved a user's balances, and trades that were made off the book."""

from __future__ import annotations

import attrs

from credit_trading.checks import checked_id, checked_limit, checked_text
from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.money import MAX_UNITS, Asset
from credit_trading.money.amount import decimals_of, parse_units
from credit_trading.money.asset import MAX_DECIMALS
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.principal import Principal
from credit_trading.trading.records import AuditRecord, StatisticsRecord, TransactionRecord, select
from credit_trading.trading.sequencer import Prepared


class TransactionService:
    """The transactions of the user it is bound to."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._user = principal.number

    def get_transaction_history(
        self, *, credit_type: str | None = None, limit: int | None = None
    ) -> list[TransactionRecord]:
        """The latest first; of one asset only where `credit_type` is given. Raises InvalidInput."""
        where = "WHERE credit_type = ? " if credit_type is not None else ""
        given = () if credit_type is None else (checked_text(credit_type, what="credit type"),)
        most = checked_limit(limit, what="transactions.list")
        with self._desk.file_of(self._user) as connection:
            return select(
                connection,
                TransactionRecord,
                "trading_transactions_readable",
                where=where + "ORDER BY transaction_id DESC LIMIT ?",
                parameters=(*given, most),
            )

    def calculate_trading_statistics(self) -> list[StatisticsRecord]:
        """Totals by credit type and currency, kept up with every event; history is not read."""
        with self._desk.file_of(self._user) as connection:
            return select(
                connection, StatisticsRecord, "trading_statistics_readable", where="ORDER BY credit_type, currency"
            )

    def get_audit_trail(self, *, limit: int | None = None) -> list[AuditRecord]:
        """The user's events, the latest first. Raises InvalidInput."""
        most = checked_limit(limit, what="audit trail")
        with self._desk.file_of(self._user) as connection:
            return select(
                connection,
                AuditRecord,
                "audit_trail_readable",
                where="ORDER BY sequence DESC LIMIT ?",
                parameters=(most,),
            )


@attrs.frozen
class OffBookTrade:
    """A deal that is in the journal. `total_value` is exact; `repeated`: its key was known, nothing was settled again."""

    total_value: str
    sequence: int
    repeated: bool


class TransactionAdministration:
    """Settles deals between two users that were made off the book."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._principal = principal

    def record_transaction(
        self,
        *,
        buyer: str,
        seller: str,
        credit_type: str,
        quantity: Number,
        price_per_credit: Number,
        currency: str,
        key: str | None = None,
        external_reference: str | None = None,
        note: str | None = None,
    ) -> OffBookTrade:
        """Moves the credits to the buyer and the money to the seller, at once, without fees, in one event in both histories.

        The price may be finer than any tick; price times quantity must be exact in the currency. Raises InvalidInput, NotFound,
        CommandConflict, OrderRejected (`insufficient_funds`, of whichever side).
        """
        prepared = self.prepare_transaction(
            buyer=buyer,
            seller=seller,
            credit_type=credit_type,
            quantity=quantity,
            price_per_credit=price_per_credit,
            currency=currency,
            key=key,
            external_reference=external_reference,
            note=note,
        )
        outcome, _ = self._desk.run("transactions.record", f"{quantity} {credit_type}", prepared)
        command = prepared.request.command
        assert isinstance(command, cmd.TradeOffBook)
        return OffBookTrade(self._desk.asset(currency).format(command.total), outcome.sequence, outcome.repeated)

    def prepare_transaction(
        self,
        *,
        buyer: str,
        seller: str,
        credit_type: str,
        quantity: Number,
        price_per_credit: Number,
        currency: str,
        key: str | None = None,
        external_reference: str | None = None,
        note: str | None = None,
    ) -> Prepared:
        base, quote = self._desk.asset(credit_type), self._desk.asset(currency)
        units = base.parse_positive(quantity, what="quantity")
        price, price_decimals = _price(price_per_credit, quote)
        if external_reference is not None:
            checked_id(external_reference, what="external reference")
        command = cmd.TradeOffBook(
            self._desk.user_number(buyer),
            self._desk.user_number(seller),
            base.code,
            quote.code,
            units,
            price,
            price_decimals,
            _total(base, quote, units, price, price_decimals),
            external_reference,
        )
        return self._desk.sequencer.prepare(
            command,
            scope=self._principal.scope,
            command_id=self._principal.scoped(key, kind="key"),
            note=self._principal.note(note),
        )


def _price(price: Number, quote: Asset) -> tuple[int, int]:
    """The price as a whole number, and of how many decimals: the currency's, or more where it is given with more."""
    decimals = max(quote.decimals, min(decimals_of(price, what="price"), MAX_DECIMALS))
    units = parse_units(price, decimals, what="price")
    if not units:
        raise InvalidInput("price", price, "zero is not a price", hint="Give a price above zero.")
    return units, decimals


def _total(base: Asset, quote: Asset, quantity: int, price: int, price_decimals: int) -> int:
    scale: int = 10 ** (base.decimals + price_decimals)
    total, rest = divmod(quantity * price * int(10**quote.decimals), scale)
    if rest:
        raise InvalidInput(
            "transactions.record",
            "",
            f"price times quantity is finer than {quote.format(1)} {quote.code}",
            hint="Give an exact price.",
        )
    if not 0 < total <= MAX_UNITS:
        raise InvalidInput(
            "transactions.record", "", "price times quantity is larger than any account can hold", hint="Split it."
        )
    return total
