"""What may be asked of an audit trail: words and times from outside, checked.

Here: the filters, their forms and defaults. Never here: reading (users/tables/trail, trading/audit_events).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import attrs

from credit_trading.checks import checked_id, checked_number, checked_text, shown
from credit_trading.errors import InvalidInput
from credit_trading.exchange.engine import EXPIRY, SCHEDULE
from credit_trading.exchange.events import KINDS
from credit_trading.trading.order_input import Moment
from credit_trading.trading.periods import period_moment_us
from credit_trading.users.tables.trail import REJECTED

OPERATION = "audit.list"

_KINDS = frozenset(kind for kind, _ in KINDS)
_ID_KINDS = ("id", "order", "key", "record")
"""In the full form of a command id, between whose it is and the id itself: see `Principal.scoped`."""


class AuditFilters(TypedDict, total=False):
    """Which events: those that are all of what is given. Each is None, or left out, where it does not matter.

    `from_` (inclusive) and `to` (exclusive) are dates (in UTC), ISO 8601 text with an offset, aware datetimes, or microseconds since 1970
    UTC. `kind` is one or several kinds of events, `rejected` those of refusals. `command_id` in its full form, or of the user's own as the
    user calls it. `text` stands somewhere in the event, whatever the case (of ASCII letters); all that the other filters leave is read for
    it.
    """

    from_: Moment | None
    to: Moment | None
    kind: str | Sequence[str] | None
    actor: str | None
    origin: str | None
    correlation_id: str | None
    command_id: str | None
    order_id: int | None
    rejected: bool
    text: str | None


@attrs.frozen(kw_only=True)
class Asked:
    """Checked `AuditFilters`; None or empty where it does not matter. `nothing`: no event can be all of it."""

    from_us: int | None
    to_us: int | None
    kinds: tuple[str, ...]
    actor: str | None
    origin: str | None
    correlation_id: str | None
    command_id: str | None
    order_id: int | None
    text: str | None
    nothing: bool


def asked(
    *,
    from_: Moment | None = None,
    to: Moment | None = None,
    kind: str | Sequence[str] | None = None,
    actor: str | None = None,
    origin: str | None = None,
    correlation_id: str | None = None,
    command_id: str | None = None,
    order_id: int | None = None,
    rejected: bool = False,
    text: str | None = None,
) -> Asked:
    """Raises InvalidInput."""
    kinds = _kinds(kind)
    if rejected:
        kinds = tuple(one for one in REJECTED if not kinds or one in kinds)
    return Asked(
        from_us=None if from_ is None else period_moment_us(from_, what="from"),
        to_us=None if to is None else period_moment_us(to, what="to"),
        kinds=kinds,
        actor=_text(actor, what="actor"),
        origin=_text(origin, what="origin"),
        correlation_id=_text(correlation_id, what="correlation id"),
        command_id=_text(command_id, what="command id"),
        order_id=None if order_id is None else checked_order(order_id),
        text=_text(text, what="text") or None,
        nothing=rejected and not kinds,
    )


def causes(command_id: str | None, scope: str) -> tuple[str, ...]:
    """The full forms that an id of that scope may have; one that is in full stays as it is. Raises InvalidInput."""
    if command_id is None:
        return ()
    if is_in_full(command_id):
        return (command_id,)
    own_id = checked_id(command_id, what="command id")
    return tuple(f"{scope}/{kind}/{own_id}" for kind in _ID_KINDS)


def is_in_full(command_id: str) -> bool:
    """Whether it is as the journal has it; that of what only time brings about has no owner."""
    return "/" in command_id or command_id in (EXPIRY, SCHEDULE)


def checked_order(order_id: int) -> int:
    problem = "an order id is a whole number above zero"
    return checked_number(order_id, what=OPERATION, problem=problem, hint="For example 17.", least=1)


def checked_sequence(sequence: int) -> int:
    problem = "a sequence is a whole number above zero"
    return checked_number(sequence, what="audit.show", problem=problem, hint="The first event is number 1.", least=1)


def checked_most(limit: int) -> int:
    problem = "a page has 1 to 1,000 events"
    return checked_number(limit, what=OPERATION, problem=problem, hint="For example 100.", least=1, most=1_000)


def _kinds(kind: str | Sequence[str] | None) -> tuple[str, ...]:
    if kind is None:
        return ()
    given = (kind,) if isinstance(kind, str) else kind
    if not isinstance(given, list | tuple | set | frozenset):
        raise InvalidInput("kind", shown(kind), "kinds are text, or a list of texts", hint="For example trade.")
    for one in given:
        if not isinstance(one, str) or one not in _KINDS:
            hint = f"Choose from {', '.join(sorted(_KINDS))}."
            raise InvalidInput("kind", shown(one), "there are no such events", hint=hint)
    return tuple(dict.fromkeys(given))


def _text(text: str | None, *, what: str) -> str | None:
    return None if text is None else checked_text(text, what=what)
