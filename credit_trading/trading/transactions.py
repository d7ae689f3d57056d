"""OwnTransactions: what moved the balances of one user, for that user to read."""

from __future__ import annotations

from credit_trading.checks import checked_limit
from credit_trading.trading.desk import Desk
from credit_trading.trading.history import TransactionHistory
from credit_trading.trading.principal import Principal
from credit_trading.trading.records import AuditRecord, select
from credit_trading.trading.statistics import OwnStatistics


class OwnTransactions(TransactionHistory, OwnStatistics):
    """The transactions of the user it is bound to: to be read."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._principal = principal
        self._user = principal.number

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
