"""What may be asked of the activity log: words, numbers and times from outside, checked.

Here: the filters and what they may be. Never here: reading (activity).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypedDict

import attrs

from credit_trading.checks import checked_number, checked_text, shown
from credit_trading.errors import InvalidInput
from credit_trading.host.entries.entry import EntryType
from credit_trading.host.outwards.seen import moment
from credit_trading.trading.order_input import Moment
from credit_trading.trading.periods import period_moment_us

OPERATION = "host.activity"

_TYPES = tuple(one.value for one in EntryType)
COLUMNS = ("day", "type", "project_id", "user_id", "asset", "currency")
"""Of sums: what they may be grouped by, in the order in which they are sorted."""


class ActivityFilters(TypedDict, total=False):
    """Which entries: those that are all of what is given. Each is None, or left out, where it does not matter.

    `types` is one or several; `user_id` the user or the counterparty; `since` (inclusive) and `until` (exclusive) are dates (in UTC), ISO
    8601 text with an offset, aware datetimes, or microseconds since 1970 UTC. `text` stands in the sentence, whatever the case; all that
    the other filters leave is read for it, and for `actor`.
    """

    types: str | Sequence[str] | None
    user_id: str | None
    project_id: str | None
    instrument: str | None
    asset: str | None
    order_id: int | None
    actor: str | None
    since: Moment | None
    until: Moment | None
    text: str | None


@attrs.frozen(kw_only=True)
class Asked:
    """Checked `ActivityFilters`; None or empty where it does not matter."""

    types: tuple[str, ...]
    user_id: str | None
    project_id: str | None
    instrument: str | None
    asset: str | None
    order_id: int | None
    actor: str | None
    since: datetime | None
    until: datetime | None
    text: str | None


def asked(
    *,
    types: str | Sequence[str] | None = None,
    user_id: str | None = None,
    project_id: str | None = None,
    instrument: str | None = None,
    asset: str | None = None,
    order_id: int | None = None,
    actor: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    text: str | None = None,
) -> Asked:
    """Raises InvalidInput."""
    return Asked(
        types=checked_types(types),
        user_id=checked_name(user_id, what="user id"),
        project_id=checked_name(project_id, what="project id"),
        instrument=checked_name(instrument, what="instrument"),
        asset=checked_name(asset, what="asset"),
        order_id=None if order_id is None else _order(order_id),
        actor=checked_name(actor, what="actor"),
        since=None if since is None else moment(period_moment_us(since, what="since")),
        until=None if until is None else moment(period_moment_us(until, what="until")),
        text=checked_name(text, what="text") or None,
    )


def checked_types(types: str | Sequence[str] | None) -> tuple[str, ...]:
    """Each once; none where it does not matter. Raises InvalidInput."""
    return _chosen(types, _TYPES, what="type")


def checked_columns(by: str | Sequence[str]) -> tuple[str, ...]:
    """In the order of `COLUMNS`. Raises InvalidInput."""
    chosen = _chosen(by, COLUMNS, what="by")
    return tuple(name for name in COLUMNS if name in chosen)


def checked_name(text: str | None, *, what: str) -> str | None:
    """Raises InvalidInput for what no database can be asked for."""
    return None if text is None else checked_text(text, what=what)


def checked_limit(limit: int) -> int:
    """Raises InvalidInput."""
    problem = "a page has 1 to 1,000 entries"
    return checked_number(limit, what=OPERATION, problem=problem, hint="For example 100.", least=1, most=1_000)


def checked_day(day: date | str | None, *, what: str) -> date | None:
    """Raises InvalidInput for what is no date."""
    if day is None or (isinstance(day, date) and not isinstance(day, datetime)):
        return day
    try:
        return date.fromisoformat(day)  # type: ignore[arg-type] # a datetime, or whatever is given, raises
    except (ValueError, TypeError) as error:
        raise InvalidInput(what, shown(day), "not a date", hint="Give a day (UTC), such as 2026-03-01.") from error


def _order(order_id: int) -> int:
    problem = "an order id is a whole number above zero"
    return checked_number(order_id, what=OPERATION, problem=problem, hint="For example 17.", least=1)


def _chosen(given: str | Sequence[str] | None, known: Sequence[str], *, what: str) -> tuple[str, ...]:
    if given is None:
        return ()
    several = (given,) if isinstance(given, str) else given
    if not isinstance(several, list | tuple | set | frozenset):
        raise InvalidInput(what, shown(given), "neither text nor a list of texts", hint=f"For example {known[0]}.")
    for one in several:
        if not isinstance(one, str) or one not in known:
            raise InvalidInput(what, shown(one), "there is no such thing", hint=f"Choose from {', '.join(known)}.")
    return tuple(dict.fromkeys(several))
