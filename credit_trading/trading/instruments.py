"""What an admin does with instruments: adds them, sets their rules and hours, halts them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Unpack

from credit_trading.checks import checked_text, shown
from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.money import Instrument
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.hours import parse_schedule
from credit_trading.trading.instrument_record import InstrumentRecord
from credit_trading.trading.principal import Principal
from credit_trading.trading.rule_input import Rules, rule_changes
from credit_trading.trading.sequencer import Prepared


class InstrumentAdministration:
    """The instruments of the exchange. Whatever changes one gives it back as it is then."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._principal = principal

    def add_instrument(
        self, symbol: str, *, base: str, quote: str, tick: Number, lot: Number, **rules: Unpack[Rules]
    ) -> InstrumentRecord:
        """`tick` is the price step, `lot` the quantity step, both for good; `rules` as in `Rules`, each None as long as it is not set.

        It is open at once. Raises InvalidInput, NotFound for an unknown asset, AlreadyExists.
        """
        symbol = checked_text(symbol, what="symbol")
        instrument = Instrument.checked(
            symbol, self._desk.asset(base), self._desk.asset(quote), tick_size=tick, lot_size=lot
        )
        given = {name: value for name, value in rules.items() if value is not None}
        command = cmd.AddInstrument(instrument, rule_changes(instrument, given).applied_to(MarketRules()))
        return self._run("instruments.add", symbol, self._prepare(command))

    def show_instrument(self, symbol: str) -> InstrumentRecord:
        """As it is now by the clock, also where no command has come since its schedule opened or closed it. Raises NotFound."""
        symbol, now_us = self._desk.instrument(symbol).symbol, self._desk.sequencer.clock.now_us()
        return self._desk.reading(lambda replica: InstrumentRecord.of(replica.markets[symbol], now_us))

    def list_instruments(self) -> list[InstrumentRecord]:
        """In the order in which they were added; each as `show_instrument` shows it."""
        now_us = self._desk.sequencer.clock.now_us()
        return self._desk.reading(
            lambda replica: [InstrumentRecord.of(market, now_us) for market in replica.markets.values()]
        )

    def set_rules(self, symbol: str, **rules: Unpack[Rules]) -> InstrumentRecord:
        """Changes the rules that are named (see `Rules`), for orders that come from now on; open orders keep the fees they came with.

        Raises InvalidInput, NotFound.
        """
        if not rules:
            raise InvalidInput(
                "instruments.set", shown(symbol), "nothing to change", hint="Name a rule, such as taker_fee."
            )
        instrument = self._desk.instrument(symbol)
        command = cmd.SetRules(instrument.symbol, rule_changes(instrument, rules))
        return self._run("instruments.set", symbol, self._prepare(command))

    def set_schedule(
        self, symbol: str, *, hours: str, time_zone: str, holidays: Iterable[str | date] = ()
    ) -> InstrumentRecord:
        """Opens and closes it by itself: `hours` such as "mon-fri 09:00-17:30", in an IANA `time_zone`; none begin on `holidays`.

        From now on it is open or closed as they say. DAY orders expire at each close. Raises InvalidInput, NotFound.
        """
        known = self._desk.instrument(symbol).symbol
        schedule = parse_schedule(hours, time_zone=time_zone, holidays=holidays)
        return self._run("instruments.schedule", symbol, self._prepare(cmd.SetSchedule(known, schedule)))

    def clear_schedule(self, symbol: str) -> InstrumentRecord:
        """It stays open or closed, as it is, until that is changed by hand. Raises NotFound."""
        command = cmd.SetSchedule(self._desk.instrument(symbol).symbol, None)
        return self._run("instruments.schedule", symbol, self._prepare(command))

    def halt_instrument(self, symbol: str, *, note: str | None = None) -> InstrumentRecord:
        """From now on it takes cancels only, whatever its schedule says, until it is resumed. Raises NotFound."""
        return self._run("instruments.halt", symbol, self.prepare_halt(symbol, note=note))

    def resume_instrument(self, symbol: str, *, note: str | None = None) -> InstrumentRecord:
        """Lifts a halt; whether it is open then, its session says. Raises NotFound."""
        return self._run("instruments.resume", symbol, self.prepare_resume(symbol, note=note))

    def open_instrument(self, symbol: str, *, note: str | None = None) -> InstrumentRecord:
        """Opens the session by hand: until its schedule closes it or, without one, for good. Raises NotFound."""
        return self._run("instruments.open", symbol, self._status(symbol, note=note, session_open=True))

    def close_instrument(self, symbol: str, *, note: str | None = None) -> InstrumentRecord:
        """Closes the session by hand; it takes cancels only, until its schedule opens it or it is opened. Raises NotFound."""
        return self._run("instruments.close", symbol, self._status(symbol, note=note, session_open=False))

    def prepare_halt(self, symbol: str, *, command_id: str | None = None, note: str | None = None) -> Prepared:
        return self._status(symbol, command_id=command_id, note=note, halted=True)

    def prepare_resume(self, symbol: str, *, command_id: str | None = None, note: str | None = None) -> Prepared:
        return self._status(symbol, command_id=command_id, note=note, halted=False)

    def _status(
        self,
        symbol: str,
        *,
        command_id: str | None = None,
        note: str | None = None,
        halted: bool | None = None,
        session_open: bool | None = None,
    ) -> Prepared:
        known = self._desk.instrument(symbol).symbol
        command = cmd.SetInstrumentStatus(known, halted=halted, session_open=session_open)
        return self._prepare(command, command_id=command_id, note=note)

    def _prepare(self, command: cmd.Command, *, command_id: str | None = None, note: str | None = None) -> Prepared:
        return self._desk.sequencer.prepare(
            command,
            scope=self._principal.scope,
            command_id=self._principal.scoped(command_id),
            note=self._principal.note(note),
        )

    def _run(self, operation: str, symbol: str, prepared: Prepared) -> InstrumentRecord:
        self._desk.run(operation, symbol, prepared)
        return self.show_instrument(symbol)
