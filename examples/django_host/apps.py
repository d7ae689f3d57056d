"""The app config: one exchange in each process, opened by the first request that needs it.

Here: opening and closing. Never here: who acts (acting). Always: commands such as migrate, which load this too, open nothing.
"""

from __future__ import annotations

import atexit
import threading

from django.apps import AppConfig, apps
from django.conf import settings

import credit_trading
from credit_trading import Exchange


class TradingConfig(AppConfig):
    name = "examples.django_host"

    def ready(self) -> None:
        self._opening = threading.Lock()
        self._exchange: Exchange | None = None
        atexit.register(self.close)

    @property
    def exchange(self) -> Exchange:
        with self._opening:
            if self._exchange is None:
                self._exchange = credit_trading.open(settings.TRADING_HOME)
            return self._exchange

    def close(self) -> None:
        """Writes a checkpoint if one is due; whoever asks for the exchange after that opens it again."""
        with self._opening:
            if self._exchange is not None:
                self._exchange.close()
                self._exchange = None


def exchange() -> Exchange:
    """This process's."""
    config: TradingConfig = apps.get_app_config("django_host")
    return config.exchange
