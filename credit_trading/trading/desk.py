"""What all services share: the write path, the replica, the users' files, and known names.

Here: looking up instruments and assets by name, and running one prepared command. Never here: what a command means.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TypeVar

import attrs

from credit_trading.checks import checked_text
from credit_trading.errors import NotFound
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.replica import Replica
from credit_trading.journal.live import LiveReplica
from credit_trading.money import Asset, Instrument
from credit_trading.store.sqlite import Connection
from credit_trading.trading.outcome import Outcome
from credit_trading.trading.sequencer import Prepared, Sequencer
from credit_trading.users import catalogue
from credit_trading.users.files import UserFiles
from credit_trading.users.projector import Projector
from credit_trading.users.reading.kept_answers import KeptAnswers

T = TypeVar("T")

Number = str | int | Decimal
"""An exact number: plain decimal text, a whole number or a Decimal; never a float."""


def every_project(_: str) -> None:
    """Any project will do: the default of `Desk.check_project`."""


@attrs.define(eq=False)
class Desk:
    """One opened exchange, seen from its services."""

    live: LiveReplica
    files: UserFiles
    projector: Projector
    sequencer: Sequencer
    kept: KeptAnswers
    check_project: Callable[[str], None] = every_project
    """Told the project of an asset that is to be added, while no lock is held; raises NotFound where there is no such project."""
    _instruments: dict[str, Instrument] = attrs.Factory(dict)
    _assets: dict[str, Asset] = attrs.Factory(dict)

    def run(
        self,
        operation: str,
        subject: object,
        prepared: Prepared,
        *,
        user_id: str | None = None,
        symbol: str | None = None,
        order_id: int | None = None,
    ) -> tuple[Outcome, Answer]:
        """Submits one command; hints name what is given. Raises OrderRejected for the market's no, other TradingErrors as they come."""
        (outcome,) = self.sequencer.submit([prepared])
        return outcome, outcome.checked(operation, subject, user_id=user_id, symbol=symbol, order_id=order_id)

    def reading(self, look: Callable[[Replica], T]) -> T:
        """`look` at the replica as of now."""
        with self.live.reading() as replica:
            return look(replica)

    @contextmanager
    def file_of(self, number: int) -> Iterator[Connection]:
        """The user's file, caught up; for this thread until the end of the block, and for executing statements only."""
        with self.kept.listening(number) as connection:
            yield connection

    def ask(self, number: int, question: Hashable, answer: Callable[[Connection], T]) -> T:
        """What `answer` reads from the user's file, caught up; given again under the same `question` as long as it is true.

        Nobody may change what is answered: see `KeptAnswers.read`.
        """
        return self.kept.read(number, question, answer)

    def instrument(self, symbol: str) -> Instrument:
        """Raises NotFound, InvalidInput for what is no text. What is known once never changes, so it is kept."""
        symbol = checked_text(symbol, what="symbol")
        known = self._instruments.get(symbol)
        if known is None:
            market = self.reading(lambda replica: replica.markets.get(symbol))
            if market is None:
                raise NotFound(
                    "instruments", symbol, "no such instrument", hint="List them: credit-trading instruments list."
                )
            known = self._instruments[symbol] = market.instrument
        return known

    def asset(self, code: str) -> Asset:
        """Raises NotFound, InvalidInput for what is no text."""
        code = checked_text(code, what="asset")
        known = self._assets.get(code)
        if known is None:
            known = self.reading(lambda replica: replica.assets.get(code))
            if known is None:
                raise NotFound("assets", code, "no such asset", hint="List them: credit-trading assets list.")
            self._assets[code] = known
        return known

    def user_number(self, user_id: str) -> int:
        """Raises NotFound unless the user exists and is not deleted, InvalidInput for what is no text."""
        user_id = checked_text(user_id, what="user id")
        with self.live.history() as log:
            return catalogue.by_id(log.connection, user_id).number
