"""The rules of assets and instruments: what is listed, for which fees and within which limits, and when it trades."""

from __future__ import annotations

from credit_trading.errors import AlreadyExists, InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.market import Market, StatusReason
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.order import INTERNAL
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.schedule import NO_BOUNDARIES, Boundaries


def add_asset(run: Decision, command: cmd.AddAsset) -> None:
    asset = command.asset
    if asset.code in run.replica.assets:
        raise run.fail(AlreadyExists, asset.code, "the asset exists", "List them: credit-trading assets list.")
    run.emit(ev.AssetAdded(asset.code, asset.decimals, asset.project_id))


def add_instrument(run: Decision, command: cmd.AddInstrument) -> None:
    instrument, rules = command.instrument, command.rules
    if instrument.symbol in run.replica.markets:
        raise run.fail(
            AlreadyExists, instrument.symbol, "the instrument exists", "List them: credit-trading instruments list."
        )
    _check_quantities(run, instrument.symbol, rules)
    _check_rates(run, instrument.symbol, makers=[rules.maker_ppm], takers=[rules.taker_ppm])
    run.emit(
        ev.InstrumentAdded(
            instrument.symbol,
            instrument.base.code,
            instrument.quote.code,
            instrument.tick_size,
            instrument.lot_size,
            rules.maker_ppm,
            rules.taker_ppm,
            rules.collar_ppm,
        )
    )
    if rules != run.market(instrument.symbol).rules:
        run.emit(ev.InstrumentRulesChanged(instrument.symbol, rules))


def set_rules(run: Decision, command: cmd.SetRules) -> None:
    market = run.market(command.symbol)
    rules = command.changes.applied_to(market.rules)
    _check_quantities(run, command.symbol, rules)
    makers, takers = _rates_in_force(run.replica, market, rules, market.user_fees)
    _check_rates(run, command.symbol, makers=makers, takers=takers)
    run.emit(ev.InstrumentRulesChanged(command.symbol, rules))


def _check_quantities(run: Decision, symbol: str, rules: MarketRules) -> None:
    if rules.min_lots is not None and rules.max_lots is not None and rules.min_lots > rules.max_lots:
        raise run.fail(InvalidInput, symbol, "the minimum quantity is above the maximum", "Change one of them.")


def set_user_fees(run: Decision, command: cmd.SetUserFees) -> None:
    run.user(command.user)
    market = run.market(command.symbol)
    user_fees = market.user_fees | {command.user: (command.maker_ppm, command.taker_ppm)}
    makers, takers = _rates_in_force(run.replica, market, market.rules, user_fees)
    _check_rates(run, command.symbol, makers=makers, takers=takers)
    run.emit(ev.UserFeesChanged(command.user, command.symbol, command.maker_ppm, command.taker_ppm))


def _rates_in_force(
    replica: Replica, market: Market, rules: MarketRules, user_fees: dict[int, tuple[int | None, int | None]]
) -> tuple[list[int], list[int]]:
    """Makers' and takers' rates: the rules', users' own, and those that open orders were accepted with."""
    makers, takers = [rules.maker_ppm], [rules.taker_ppm]
    for maker_ppm, taker_ppm in user_fees.values():
        makers += [] if maker_ppm is None else [maker_ppm]
        takers += [] if taker_ppm is None else [taker_ppm]
    for order in replica.orders.values():
        if order.instrument is market.instrument and order.route == INTERNAL:  # others meet nobody here
            makers.append(order.maker_ppm)
            takers.append(order.taker_ppm)
    return makers, takers


def _check_rates(run: Decision, symbol: str, *, makers: list[int], takers: list[int]) -> None:
    """Raises InvalidInput if the exchange could have to pay for a trade."""
    if min(takers) < 0 or min(makers) + min(takers) < 0:
        raise run.fail(
            InvalidInput,
            symbol,
            "the taker fee may not be negative, and no taker fee may be less than any maker's rebate,"
            " of users with rates of their own and of orders that are open too",
            "Maker plus taker rate must be zero or more, or the exchange pays for a trade.",
        )


def set_schedule(run: Decision, command: cmd.SetSchedule) -> None:
    market = run.market(command.symbol)
    schedule = command.schedule
    boundaries = NO_BOUNDARIES if schedule is None else run.calendar(schedule, run.time_us)
    if boundaries is None:
        problem = "the time zone is not known here"
        raise run.fail(
            InvalidInput, command.symbol, problem, "Give an IANA name, or update tzdata: pip install -U tzdata."
        )
    run.emit(ev.InstrumentScheduled(command.symbol, schedule, boundaries.opens_at_us, boundaries.closes_at_us))
    if schedule is not None and boundaries.is_open != market.session_open:
        run.emit(_status(market, session_open=boundaries.is_open, reason=StatusReason.SCHEDULE))


def set_instrument_status(run: Decision, command: cmd.SetInstrumentStatus) -> None:
    market = run.market(command.symbol)
    run.emit(_status(market, halted=command.halted, session_open=command.session_open, reason=StatusReason.REQUESTED))


def session_change(market: Market, boundaries: Boundaries | None) -> ev.InstrumentStatusChanged:
    """A session begins or ends by schedule; `boundaries` are the next ones after that moment.

    Where they cannot be told, the instrument is closed until it is opened by hand or given a schedule: everything else goes on.
    """
    if boundaries is None:
        return _status(market, session_open=False, reason=StatusReason.UNKNOWN_TIME_ZONE, boundaries=NO_BOUNDARIES)
    return _status(market, session_open=boundaries.is_open, reason=StatusReason.SCHEDULE, boundaries=boundaries)


def _status(
    market: Market,
    *,
    reason: StatusReason,
    halted: bool | None = None,
    session_open: bool | None = None,
    boundaries: Boundaries | None = None,
) -> ev.InstrumentStatusChanged:
    """What is None stays as it is."""
    boundaries = market.boundaries if boundaries is None else boundaries
    return ev.InstrumentStatusChanged(
        market.instrument.symbol,
        market.halted if halted is None else halted,
        market.session_open if session_open is None else session_open,
        reason.value,
        boundaries.opens_at_us,
        boundaries.closes_at_us,
    )
