"""TransactionAdministration: deals between two users, entered by an administrator who acts for neither."""

from __future__ import annotations

from credit_trading.exchange.entered import TransactionStatus
from credit_trading.trading import transaction_input
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.principal import Principal
from credit_trading.trading.sequencer import Prepared
from credit_trading.trading.transaction_service import TransactionReport, enter


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
    ) -> TransactionReport:
        """Moves the credits to the buyer and the money to the seller, at once, without fees, in one event in both histories.

        What `TransactionService.record_transaction` does for the buyer, under an administrator's key. Raises as it does.
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
        return enter(self._desk, prepared, subject=f"{quantity} {credit_type}")

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
        """As `record_transaction`, checked and ready to be submitted together with others."""
        command = transaction_input.enter_transaction(
            self._desk,
            self._desk.user_number(buyer),
            "buy",
            credit_type,
            quantity,
            price_per_credit=price_per_credit,
            currency=currency,
            fee=None,
            counterparty=seller,
            outside=None,
            occurred_at=None,
            status=TransactionStatus.SETTLED.value,
            expires_at=None,
            external_reference=external_reference,
        )
        return self._desk.sequencer.prepare(
            command,
            scope=self._principal.scope,
            command_id=self._principal.scoped(key, kind="key"),
            note=self._principal.note(note),
        )
