"""OwnTransactions: what moved the balances of one user, for that user to read."""

from __future__ import annotations

from credit_trading.checks import checked_limit, checked_number, checked_text
from credit_trading.errors import NotFound
from credit_trading.trading.desk import Desk
from credit_trading.trading.principal import Principal
from credit_trading.trading.records import AuditRecord, StatisticsRecord, TransactionRecord, select


class OwnTransactions:
    """The transactions of the user it is bound to: to be read."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._principal = principal
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

    def get_transaction(self, transaction_id: int) -> TransactionRecord:
        """One of the user's transactions. Raises InvalidInput, NotFound."""
        problem = "a transaction id is a whole number above zero"
        number = checked_number(transaction_id, what="transactions", problem=problem, hint="For example 17.", least=1)
        with self._desk.file_of(self._user) as connection:
            found = select(
                connection,
                TransactionRecord,
                "trading_transactions_readable",
                where="WHERE transaction_id = ?",
                parameters=(number,),
            )
        if found:
            return found[0]
        user_id = self._principal.user_id
        raise NotFound(
            "transactions",
            number,
            f"user {user_id} has no such transaction",
            hint=f"List them: credit-trading transactions list {user_id}.",
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
