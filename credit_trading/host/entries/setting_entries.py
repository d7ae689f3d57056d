"""What the activity log says of users who come and go, and of what an administrator sets.

Here: the entries of users, assets, instruments and their rules; `reason` says what was set, `status` to what. Never here: orders, money.
Always: nothing personal but ids; exact numbers.
"""

from __future__ import annotations

from credit_trading.clock import format_time
from credit_trading.exchange import events as ev
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.host.entries.entry import EntryType, Orders, entry
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.rows import ActivityRow
from credit_trading.money import Instrument
from credit_trading.money.amount import format_units

_RATE_DECIMALS = 6

_BY = {
    "requested": "",
    "schedule": " by its schedule",
    "unknown_time_zone": ": the time zone of its schedule is not known",
}


def user_created(seen: Seen, event: ev.UserCreated, _: Orders, names: Names) -> list[ActivityRow]:
    user = names.user_id(event.user)
    return [entry(seen, EntryType.USER_CREATED.value, f"user {user} was created", user_id=user, status="active")]


def user_deleted(seen: Seen, event: ev.UserDeleted, _: Orders, names: Names) -> list[ActivityRow]:
    user = names.user_id(event.user)
    return [entry(seen, EntryType.USER_DELETED.value, f"user {user} was deleted", user_id=user, status="deleted")]


def email_changed(seen: Seen, event: ev.UserEmailChanged, _: Orders, names: Names) -> list[ActivityRow]:
    user = names.user_id(event.user)
    return [_of_user(seen, user, f"{user} has another e-mail address")]


def suspended(seen: Seen, event: ev.UserSuspended, _: Orders, names: Names) -> list[ActivityRow]:
    user = names.user_id(event.user)
    return [_of_user(seen, user, f"{user} was suspended and may only cancel", status="suspended")]


def resumed(seen: Seen, event: ev.UserResumed, _: Orders, names: Names) -> list[ActivityRow]:
    user = names.user_id(event.user)
    return [_of_user(seen, user, f"{user} may trade again", status="active")]


def fees_changed(seen: Seen, event: ev.UserFeesChanged, _: Orders, names: Names) -> list[ActivityRow]:
    user = names.user_id(event.user)
    maker, taker = (
        "that of the instrument" if ppm is None else _rate(ppm) for ppm in (event.maker_ppm, event.taker_ppm)
    )
    sentence = f"fees of {user} in {event.symbol} are now: maker {maker}, taker {taker}"
    return [_of_instrument(seen, names.instrument(event.symbol), sentence, user_id=user)]


def cost_method_changed(seen: Seen, event: ev.CostMethodChanged, _: Orders, names: Names) -> list[ActivityRow]:
    user = names.user_id(event.user)
    sentence = f"statistics of {user} are now reckoned by the cost method {event.method}"
    return [_of_user(seen, user, sentence, status=event.method)]


def asset_added(seen: Seen, event: ev.AssetAdded, _: Orders, __: Names) -> list[ActivityRow]:
    project = "" if event.project_id is None else f", of project {event.project_id}"
    sentence = f"asset {event.code} was added, with {event.decimals} decimals{project}"
    return [_set(seen, sentence, project_id=event.project_id, asset=event.code)]


def instrument_added(seen: Seen, event: ev.InstrumentAdded, _: Orders, names: Names) -> list[ActivityRow]:
    sentence = (
        f"instrument {event.symbol} was added: tick {event.tick_size} {event.quote}, lot {event.lot_size} {event.base},"
        f" fees maker {_rate(event.maker_ppm)} and taker {_rate(event.taker_ppm)}, collar {_rate(event.collar_ppm)}"
    )
    return [_of_instrument(seen, names.instrument(event.symbol), sentence)]


def rules_changed(seen: Seen, event: ev.InstrumentRulesChanged, _: Orders, names: Names) -> list[ActivityRow]:
    instrument = names.instrument(event.symbol)
    sentence = f"rules of {event.symbol} are now: {_rules(event.rules, instrument)}"
    return [_of_instrument(seen, instrument, sentence)]


def scheduled(seen: Seen, event: ev.InstrumentScheduled, _: Orders, names: Names) -> list[ActivityRow]:
    schedule = event.schedule
    if schedule is None:
        sentence, status = f"{event.symbol} has no schedule any more", "unscheduled"
    else:
        count = len(schedule.sessions)
        sentence = (
            f"{event.symbol} has a schedule: {count} session{'' if count == 1 else 's'} a week, times of"
            f" {schedule.time_zone}{_next(event.opens_at_us, event.closes_at_us)}"
        )
        status = "scheduled"
    return [_of_instrument(seen, names.instrument(event.symbol), sentence, status=status)]


def status_changed(seen: Seen, event: ev.InstrumentStatusChanged, _: Orders, names: Names) -> list[ActivityRow]:
    status = "halted" if event.halted else "open" if event.session_open else "closed"
    sentence = f"{event.symbol} is now {status}{_BY.get(event.reason, f': {event.reason}')}"
    sentence += _next(event.opens_at_us, event.closes_at_us)
    return [_of_instrument(seen, names.instrument(event.symbol), sentence, status=status)]


def _rules(rules: MarketRules, instrument: Instrument) -> str:
    """All of them; a filter that is off is left out."""
    base, quote = instrument.base.code, instrument.quote.code
    told = [
        f"maker {_rate(rules.maker_ppm)}",
        f"taker {_rate(rules.taker_ppm)}",
        f"collar {_rate(rules.collar_ppm)}",
        f"self-trade {rules.self_trade}",
    ]
    if rules.min_lots is not None:
        told.append(f"at least {instrument.format_quantity(rules.min_lots)} {base}")
    if rules.max_lots is not None:
        told.append(f"at most {instrument.format_quantity(rules.max_lots)} {base}")
    if rules.min_value is not None:
        told.append(f"at least {instrument.quote.format(rules.min_value)} {quote} in value")
    if rules.band_ppm is not None:
        told.append(f"band {_rate(rules.band_ppm)}")
    if rules.reference_ticks is not None:
        told.append(f"reference price {instrument.format_price(rules.reference_ticks)} {quote}")
    if rules.max_open_orders is not None:
        told.append(f"at most {rules.max_open_orders} open orders of a user")
    return ", ".join(told)


def _rate(ppm: int) -> str:
    """As it is given: 2,500 is 0.0025."""
    text = format_units(ppm, _RATE_DECIMALS).rstrip("0")
    return text[:-1] if text.endswith(".") else text


def _next(opens_at_us: int | None, closes_at_us: int | None) -> str:
    told = [
        f"{verb} {format_time(moment)}"
        for verb, moment in (("opens next", opens_at_us), ("closes next", closes_at_us))
        if moment is not None
    ]
    return f" ({', '.join(told)})" if told else ""


def _of_user(seen: Seen, user_id: str, sentence: str, *, status: str | None = None) -> ActivityRow:
    return _set(seen, sentence, user_id=user_id, status=status)


def _of_instrument(
    seen: Seen, instrument: Instrument, sentence: str, *, user_id: str | None = None, status: str | None = None
) -> ActivityRow:
    row = _set(seen, sentence, user_id=user_id, project_id=instrument.project_id, status=status)
    row["instrument"], row["asset"], row["currency"] = instrument.symbol, instrument.base.code, instrument.quote.code
    return row


def _set(
    seen: Seen,
    sentence: str,
    *,
    user_id: str | None = None,
    project_id: str | None = None,
    asset: str | None = None,
    status: str | None = None,
) -> ActivityRow:
    """`reason` is the kind of the event: what was set."""
    return entry(
        seen,
        EntryType.SETTINGS_CHANGED.value,
        sentence,
        user_id=user_id,
        project_id=project_id,
        asset=asset,
        status=status,
        reason=seen.entry.event.kind,
    )
