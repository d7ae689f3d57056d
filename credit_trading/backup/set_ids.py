"""Names of sets: the moment at which each was begun, in UTC.

Always: an id sorts behind all that were given out before it, even where clocks go back.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

_FORM = "%Y%m%d-%H%M%S-%f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def is_id(text: str) -> bool:
    """Whether it is a name of ours: other things may lie beside manifests."""
    with suppress(ValueError):
        return datetime.strptime(text, _FORM).replace(tzinfo=UTC).strftime(_FORM) == text
    return False


def next_after(known: Iterable[str], now_us: int) -> str:
    """The id of a set that is begun now: as `20261101-120000-000000`."""
    moment = _EPOCH + now_us * _MICROSECOND
    with suppress(ValueError):  # no set yet, or a name that is none of ours
        moment = max(moment, datetime.strptime(max(known), _FORM).replace(tzinfo=UTC) + _MICROSECOND)
    return moment.strftime(_FORM)
