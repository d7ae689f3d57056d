"""OwnTransactions: what moved the balances of one user, for that user to read."""

from __future__ import annotations

from credit_trading.trading.desk import Desk
from credit_trading.trading.history import TransactionHistory
from credit_trading.trading.principal import Principal
from credit_trading.trading.statistics import OwnStatistics


class OwnTransactions(TransactionHistory, OwnStatistics):
    """The transactions of the user it is bound to: to be read."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._principal = principal
        self._user = principal.number
