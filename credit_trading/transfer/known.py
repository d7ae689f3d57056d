"""What a file names that must be known: assets, instruments, users - here already, or new with it.

Here: that what is here agrees with the file, and that what is new may be made. Never here: transactions and balances (checking).
"""

from __future__ import annotations

from credit_trading.errors import NotFound
from credit_trading.exchange.entered import CostMethod
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.replica import Replica
from credit_trading.money import Asset, Instrument
from credit_trading.trading.desk import Desk
from credit_trading.trading.rule_input import rule_changes
from credit_trading.transfer.container import Container
from credit_trading.transfer.lines import Line
from credit_trading.transfer.plan import NewAsset, NewInstrument, NewUser, Plan
from credit_trading.transfer.problems import Problems
from credit_trading.transfer.reading import Reader
from credit_trading.transfer.schema import ASSETS, INSTRUMENTS, USERS, Table
from credit_trading.transfer.values import word_of
from credit_trading.users import catalogue
from credit_trading.users.bulk import checked_user

_GRID = ("base", "quote", "tick", "lot")
"""What an instrument that is here must agree in; its rules are set here."""

_RULES = tuple(name for name in INSTRUMENTS.names if name not in ("symbol", *_GRID))


class Known:
    """`assets` and `instruments` by name, those of the file among them; what is new stands in `plan`."""

    def __init__(self, desk: Desk, problems: Problems) -> None:
        self._desk = desk
        self._problems = problems
        self.assets, self.instruments, self.exchange_id, users = desk.reading(_known)
        self.plan = Plan(users)
        self._ids: set[str] = set()

    def take(self, container: Container) -> None:
        """The three tables; of one that is missing nothing is known."""
        for line in container.lines(ASSETS):
            self._asset(line)
        for line in container.lines(INSTRUMENTS):
            self._instrument(line)
        for line in container.lines(USERS):
            self._user(line)

    def user(self, user_id: str) -> catalogue.User | None:
        """The user of that id, if there is one here; the number is noted in the plan."""
        with self._desk.live.history() as log:
            try:
                user = catalogue.by_id(log.connection, user_id)
            except NotFound:
                return None
        self.plan.numbers[user_id] = user.number
        return user

    def is_first(self, reader: Reader, table: Table, field: str, key: str) -> bool:
        """Whether no line before names the same."""
        if (name := f"{table.name} {key}") in self._ids:
            reader.wrong(field, f"{key[:40]} stands there twice")
            return False
        self._ids.add(name)
        return True

    def _asset(self, line: Line) -> None:
        reader = Reader(line, ASSETS, self._problems)
        decimals = reader.take("decimals", _count)
        code = line.values.get("asset")
        if not reader.ok or code is None or decimals is None or not self.is_first(reader, ASSETS, "asset", code):
            return
        known = self.assets.get(code)
        if known is not None and known.decimals != decimals:
            reader.wrong("decimals", f"{decimals}, and here {code} has {known.decimals}")
        elif known is None:
            asset = reader.take("asset", lambda text: Asset.checked(text, decimals))
            if asset is not None:
                self.assets[code] = asset
                self.plan.assets.append(NewAsset(line, asset))

    def _instrument(self, line: Line) -> None:
        reader = Reader(line, INSTRUMENTS, self._problems)
        values = {name: line.values.get(name) or "" for name in ("symbol", *_GRID)}
        symbol = values["symbol"]
        for side in ("base", "quote"):
            if reader.ok and values[side] not in self.assets:
                reader.wrong(side, f"{values[side][:40]}: no such asset, here or in the file")
        if not reader.ok or not self.is_first(reader, INSTRUMENTS, "symbol", symbol):
            return
        base, quote = self.assets[values["base"]], self.assets[values["quote"]]
        instrument = reader.take(
            "symbol",
            lambda text: Instrument.checked(text, base, quote, tick_size=values["tick"], lot_size=values["lot"]),
        )
        if instrument is None:
            return
        known = self.instruments.setdefault(symbol, instrument)
        if known != instrument:
            reader.wrong("symbol", f"here {symbol} has other assets, or another tick or lot")
        elif known is instrument:
            self._take(reader, instrument)

    def _take(self, reader: Reader, instrument: Instrument) -> None:
        given = {name: text for name in _RULES if (text := reader.line.values.get(name)) is not None}
        rules = reader.take("symbol", lambda _: rule_changes(instrument, given).applied_to(MarketRules()))
        if rules is not None:
            self.plan.instruments.append(NewInstrument(reader.line, instrument, rules))

    def _user(self, line: Line) -> None:
        reader = Reader(line, USERS, self._problems)
        user_id, email = line.values.get("user_id") or "", line.values.get("email") or ""
        method = reader.take("cost_method", word_of(tuple(CostMethod)))
        if not reader.ok or not self.is_first(reader, USERS, "user_id", user_id.lower()):
            return
        known = self.user(user_id)
        if known is not None:
            if known.email != email:
                reader.wrong("email", f"another than {user_id} has here")
            return
        if reader.take("user_id", lambda text: checked_user(text, email)) and reader.take("user_id", self._free):
            number = self.plan.users_before + len(self.plan.users) + 1
            self.plan.users.append(NewUser(line, user_id, email, method, number))
            self.plan.numbers[user_id] = number

    def _free(self, user_id: str) -> str:
        with self._desk.live.history() as log:
            catalogue.check_free(log.connection, user_id)
        return user_id


def _known(replica: Replica) -> tuple[dict[str, Asset], dict[str, Instrument], str, int]:
    instruments = {symbol: market.instrument for symbol, market in replica.markets.items()}
    return dict(replica.assets), instruments, replica.exchange_id, len(replica.users)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"{text[:40]}: not a whole number")
    return int(text)
