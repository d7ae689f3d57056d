"""TransactionService: what an administrator enters for a user that did not happen on the book."""

from __future__ import annotations

from typing import Self

import attrs

from credit_trading.errors import OrderRejected
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.events import CommandRejected
from credit_trading.exchange.rejections import Rejection
from credit_trading.trading import transaction_input
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.order_input import Moment
from credit_trading.trading.outcome import REPEATED_HINT, Outcome
from credit_trading.trading.sequencer import Prepared
from credit_trading.trading.transactions import OwnTransactions
from credit_trading.users import catalogue

_UPDATE = "transactions.update"


@attrs.frozen(kw_only=True)
class TransactionReport:
    """A transaction as it was answered. `total_value` is exact; None where there is no price. `project_id` is the credit type's.

    `sequence` is where the command stands in the journal; `repeated`: its key or external reference was known, nothing was done again.
    """

    transaction_id: int
    transaction_type: str
    credit_type: str
    project_id: str | None
    quantity: str
    total_value: str | None
    currency: str | None
    status: str
    sequence: int
    command_id: str
    repeated: bool

    @classmethod
    def entered(cls, desk: Desk, prepared: Prepared, outcome: Outcome) -> Self:
        """Of what was entered just now, or before under the same name."""
        command = prepared.request.command
        assert isinstance(command, cmd.EnterTransaction)
        asset = desk.asset(command.asset)
        currency = None if command.currency is None else desk.asset(command.currency)
        return cls(
            transaction_id=outcome.sequence,
            transaction_type=command.transaction_type,
            credit_type=asset.code,
            project_id=asset.project_id,
            quantity=asset.format(command.quantity),
            total_value=None if currency is None or command.total is None else currency.format(command.total),
            currency=command.currency,
            status=(TransactionStatus.PENDING if command.pending else TransactionStatus.SETTLED).value,
            sequence=outcome.sequence,
            command_id=outcome.command_id,
            repeated=outcome.repeated,
        )


class TransactionService(OwnTransactions):
    """An administrator's, for the user it is bound to: enters what did not happen on the book, and moves on what is pending."""

    def record_transaction(
        self,
        transaction_type: str,
        credit_type: str,
        quantity: Number,
        *,
        price_per_credit: Number | None = None,
        currency: str | None = None,
        fee: Number | None = None,
        counterparty: str | None = None,
        outside: str | None = None,
        occurred_at: Moment | None = None,
        status: str = TransactionStatus.SETTLED.value,
        expires_at: Moment | None = None,
        external_reference: str | None = None,
        note: str | None = None,
        key: str | None = None,
    ) -> TransactionReport:
        """Enters a buy, sell, deposit, withdrawal, transfer_in, transfer_out, fee, correction_in or correction_out.

        A buy or sell has a price; its total is computed, and must be exact. A price on what comes in as deposit, transfer_in or
        correction_in says what it cost, and moves no money. `fee` is what a buy or sell outside cost beside its price.

        The other side of a trade or transfer is `counterparty`, a user here, with whom it is one event in both histories; or somebody
        `outside`, in the host's words. A fee without `outside` is earned by the exchange.

        `occurred_at`, a moment or a date (its first moment in UTC), may be past; when it was entered is kept apart. What is `pending`
        holds what it will take from whom, is moved on by `update_transaction_status`, and is cancelled at `expires_at` if it is still
        pending then.

        The same `key`, or the same `external_reference` of one of the two users, gives the first answer again, however much later. Raises
        CommandConflict if it stood for something else, InvalidInput, NotFound, OrderRejected (`insufficient_funds`, `issue_cap_exceeded`,
        `user_suspended`).
        """
        prepared = self.prepare_transaction(
            transaction_type,
            credit_type,
            quantity,
            price_per_credit=price_per_credit,
            currency=currency,
            fee=fee,
            counterparty=counterparty,
            outside=outside,
            occurred_at=occurred_at,
            status=status,
            expires_at=expires_at,
            external_reference=external_reference,
            note=note,
            key=key,
        )
        return enter(self._desk, prepared, subject=f"{transaction_type} {quantity} {credit_type}")

    def prepare_transaction(
        self,
        transaction_type: str,
        credit_type: str,
        quantity: Number,
        *,
        price_per_credit: Number | None = None,
        currency: str | None = None,
        fee: Number | None = None,
        counterparty: str | None = None,
        outside: str | None = None,
        occurred_at: Moment | None = None,
        status: str = TransactionStatus.SETTLED.value,
        expires_at: Moment | None = None,
        external_reference: str | None = None,
        note: str | None = None,
        key: str | None = None,
    ) -> Prepared:
        """As `record_transaction`, checked and ready to be submitted together with others."""
        command = transaction_input.enter_transaction(
            self._desk,
            self._user,
            transaction_type,
            credit_type,
            quantity,
            price_per_credit=price_per_credit,
            currency=currency,
            fee=fee,
            counterparty=counterparty,
            outside=outside,
            occurred_at=occurred_at,
            status=status,
            expires_at=expires_at,
            external_reference=external_reference,
        )
        return self._desk.sequencer.prepare(
            command,
            scope=self._principal.scope,
            command_id=self._principal.scoped(key, kind="key"),
            note=self._principal.note(note, counterparty=outside),
        )

    def update_transaction_status(
        self, transaction_id: int, status: str, *, note: str | None = None, command_id: str | None = None
    ) -> TransactionReport:
        """Moves a pending transaction on, for both of its sides: settled posts it; cancelled and failed give back what it held.

        Raises NotFound for one that is not this user's, OrderRejected (`transaction_not_pending`) for one that has been moved on, and
        (`transaction_guarded`) for one that only the application around may end, InvalidInput.
        """
        status = transaction_input.checked_status(status)
        record = self.get_transaction(transaction_id)
        prepared = self._desk.sequencer.prepare(
            cmd.UpdateTransaction(self._user, record.transaction_id, status),
            scope=self._principal.scope,
            command_id=self._principal.scoped(command_id),
            note=self._principal.note(note),
        )
        outcome, _ = self._desk.run(_UPDATE, transaction_id, prepared, user_id=self._principal.user_id)
        return TransactionReport(
            transaction_id=record.transaction_id,
            transaction_type=record.transaction_type,
            credit_type=record.credit_type,
            project_id=record.project_id,
            quantity=record.quantity,
            total_value=record.total_value,
            currency=record.currency,
            status=status,
            sequence=outcome.sequence,
            command_id=outcome.command_id,
            repeated=outcome.repeated,
        )


def enter(desk: Desk, prepared: Prepared, *, subject: str) -> TransactionReport:
    """Submits a transaction. Raises OrderRejected, which names the one of two users who lacks what it takes, and what `submit` raises."""
    (outcome,) = desk.sequencer.submit([prepared])
    if outcome.rejection in (Rejection.INSUFFICIENT_FUNDS, Rejection.USER_SUSPENDED):
        raise _refused_for(outcome.rejection, desk, subject, outcome)
    outcome.checked(transaction_input.RECORD, subject)
    return TransactionReport.entered(desk, prepared, outcome)


def _refused_for(code: Rejection, desk: Desk, subject: str, outcome: Outcome) -> OrderRejected:
    """The journal says which of the two it was."""
    with desk.live.history() as log:
        entry = log.entry(outcome.sequence)
        assert entry is not None
        assert isinstance(entry.event, CommandRejected)
        name = catalogue.by_number(log.connection, entry.event.user).user_id
    sentence = (
        f"{code.sentence}, that of {name}" if code is Rejection.INSUFFICIENT_FUNDS else f"{name}: {code.sentence}"
    )
    hint = REPEATED_HINT if outcome.repeated else code.hint.replace("USER_ID", name)
    return OrderRejected(transaction_input.RECORD, subject, code.value, sentence, hint=hint)
