"""An exchange that lives inside an application: one SQLite file per user, one order book, settlement exactly once.

    with credit_trading.open("database/trading", create=True) as exchange:
        admin = exchange.as_admin("setup")
        ann = exchange.as_user("42")

Errors are in `credit_trading.errors`; the README shows the rest.
"""

import logging

from credit_trading.app import Admin, Exchange, JournalEntry, ManagedUser, User, folder_versions, verify_folder
from credit_trading.app import open_exchange as open
from credit_trading.clock import Clock, ManualClock, SystemClock
from credit_trading.config import Settings
from credit_trading.errors import OrderRejected, OutcomeUnknown, TradingError
from credit_trading.exchange.rejections import Rejection
from credit_trading.trading.outcome import MassCancelReport, OrderReport, Outcome
from credit_trading.trading.sequencer import Prepared
from credit_trading.version import __version__

__all__ = [
    "Admin",
    "Clock",
    "Exchange",
    "JournalEntry",
    "ManagedUser",
    "ManualClock",
    "MassCancelReport",
    "OrderRejected",
    "OrderReport",
    "Outcome",
    "OutcomeUnknown",
    "Prepared",
    "Rejection",
    "Settings",
    "SystemClock",
    "TradingError",
    "User",
    "__version__",
    "folder_versions",
    "open",
    "verify_folder",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())
