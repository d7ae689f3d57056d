"""What the events of assets, instruments and the exchange itself change; the counterpart of instrument_rules, without any rule."""

from __future__ import annotations

from credit_trading.exchange import events as ev
from credit_trading.exchange.answers import Answers
from credit_trading.exchange.client_orders import ClientOrders
from credit_trading.exchange.exchange_state import ExchangeState
from credit_trading.exchange.market import Market
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.schedule import Boundaries
from credit_trading.money import Asset, Instrument


def founded(state: ExchangeState, _: ev.Entry, event: ev.Founded) -> None:
    state.founded = event
    state.answers = Answers(most=event.remember_commands, longest_us=event.remember_commands_us)
    state.client_orders = ClientOrders(
        most_done=event.remember_client_orders, longest_us=event.remember_client_orders_us
    )


def asset_added(state: ExchangeState, _: ev.Entry, event: ev.AssetAdded) -> None:
    state.assets[event.code] = Asset(event.code, event.decimals, event.project_id)


def instrument_added(state: ExchangeState, _: ev.Entry, event: ev.InstrumentAdded) -> None:
    instrument = Instrument.restored(
        event.symbol,
        state.assets[event.base],
        state.assets[event.quote],
        tick_size=event.tick_size,
        lot_size=event.lot_size,
    )
    rules = MarketRules(maker_ppm=event.maker_ppm, taker_ppm=event.taker_ppm, collar_ppm=event.collar_ppm)
    state.markets[event.symbol] = Market(instrument, rules)


def instrument_rules_changed(state: ExchangeState, _: ev.Entry, event: ev.InstrumentRulesChanged) -> None:
    state.markets[event.symbol].rules = event.rules


def instrument_scheduled(state: ExchangeState, _: ev.Entry, event: ev.InstrumentScheduled) -> None:
    market = state.markets[event.symbol]
    market.schedule = event.schedule
    _next_session(state, market, Boundaries(event.opens_at_us, event.closes_at_us))


def instrument_status_changed(state: ExchangeState, _: ev.Entry, event: ev.InstrumentStatusChanged) -> None:
    market = state.markets[event.symbol]
    market.halted = event.halted
    market.session_open = event.session_open
    _next_session(state, market, Boundaries(event.opens_at_us, event.closes_at_us))


def _next_session(state: ExchangeState, market: Market, boundaries: Boundaries) -> None:
    symbol = market.instrument.symbol
    if market.boundaries.next_us is not None:
        state.sessions.remove((market.boundaries.next_us, symbol))
    market.boundaries = boundaries
    if boundaries.next_us is not None:
        state.sessions.add((boundaries.next_us, symbol))
    state.find_next_due()


def user_fees_changed(state: ExchangeState, _: ev.Entry, event: ev.UserFeesChanged) -> None:
    own = state.markets[event.symbol].user_fees
    own[event.user] = (event.maker_ppm, event.taker_ppm)
    if own[event.user] == (None, None):
        del own[event.user]
