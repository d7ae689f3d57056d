"""Settings of one opened exchange, each with its unit.

What must be the same in every process is read once, when the exchange is founded, and stands in its journal from then on.
"""

from __future__ import annotations

import os
from typing import Any, Self

import attrs

from credit_trading.errors import InvalidInput

_PREFIX = "CREDIT_TRADING_"


_MOST = 10**12
"""A setting that is larger is a slip, and in microseconds would no longer fit 63 bits."""


def _positive(instance: object, attribute: attrs.Attribute[int], value: int) -> None:  # noqa: ARG001 - attrs' signature
    if not 0 < value <= _MOST:
        raise InvalidInput(
            "settings", attribute.name, f"{value} is not from 1 to {_MOST}", hint="Give a number above zero."
        )


def _words(instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs' signature
    if value is not None and (not isinstance(value, str) or not value or not value.isprintable()):
        raise InvalidInput(
            "settings", attribute.name, "not text, or nothing in it", hint="Leave it out for the default."
        )


def _on_retire(instance: object, attribute: attrs.Attribute[str], value: str) -> None:  # noqa: ARG001 - attrs' signature
    if value not in ("halt", "ignore"):
        raise InvalidInput("settings", attribute.name, "neither halt nor ignore", hint="Give one of the two.")


@attrs.frozen(kw_only=True)
class Settings:
    """How this process uses the exchange. Read from the environment by `from_environment` (`CREDIT_TRADING_POOL_SIZE=16`)."""

    lock_timeout_s: int = attrs.field(default=30, validator=_positive)
    """Longest wait for another process or thread before `Busy` is raised."""
    pool_size: int = attrs.field(default=64, validator=_positive)
    """Most open connections to users' files; each costs three file descriptors."""
    project_on_commit: bool = True
    """Carry each commit into the users' files at once; if False they catch up when they are next read."""
    checkpoint_every_events: int = attrs.field(default=100_000, validator=_positive)
    """A checkpoint is written when the exchange is opened or closed and at least so many events have come since the last."""
    max_clock_jump_s: int = attrs.field(default=366 * 86_400, validator=_positive)
    """A decision further ahead of the journal's last event than this is refused: more likely a wrong clock than a long silence."""

    kept_answers: int = attrs.field(default=1_000, validator=_positive)
    """Most answers about users' files (their orders, statistics, pages of history) that are kept in memory for as long as they are true."""
    slow_query_ms: int = attrs.field(default=200, validator=_positive)
    """A question to a user's file that takes so long is told by `status`, with its plan."""

    host_url: str | None = attrs.field(default=None, validator=_words, repr=lambda url: "set" if url else "None")
    """The host application's own database, as SQLAlchemy writes URLs: `postgresql+psycopg://me@localhost/app`, `sqlite:///app.db`."""
    host_adapter: str | None = attrs.field(default=None, validator=_words)
    """Instead of a URL: `module:name` of the host's own adapter, a class or function without arguments, or the adapter itself."""
    host_prefix: str = attrs.field(default="trading_", validator=_words)
    """How the names of our tables in that database begin."""
    host_projects: str | None = attrs.field(default=None, validator=_words)
    """With a URL: where the host keeps its projects, `table.column`, or `table.column:retired`, a second column that is set once retired.

    Assets of a project that is not there are refused then.
    """
    host_on_retire: str = attrs.field(default="halt", validator=_on_retire)
    """What becomes of the instruments of a project that the host retires: `halt`, or `ignore`."""
    host_hanging_s: int = attrs.field(default=86_400, validator=_positive)
    """A request of the host that has waited for so long, or for its decision, is named by `host check`."""
    host_batch_rows: int = attrs.field(default=1_000, validator=_positive)
    """Most events that are shown in the host's database in one transaction."""

    remember_commands: int = attrs.field(default=100_000, validator=_positive)
    """When an exchange is founded: of how many of the latest commands the ids and answers are remembered."""
    remember_commands_s: int = attrs.field(default=86_400, validator=_positive)
    """When an exchange is founded: and for how long at most."""
    remember_client_orders: int = attrs.field(default=1_000, validator=_positive)
    """When an exchange is founded: how many client order ids of each user stay taken after their orders are done, the latest first."""
    remember_client_orders_s: int = attrs.field(default=86_400, validator=_positive)
    """When an exchange is founded: and for how long at most. While its order is open, an id is taken in any case."""

    @classmethod
    def from_environment(cls) -> Self:
        """The defaults, overridden by `CREDIT_TRADING_<NAME>` where set; whole numbers, 0 or 1 for switches, and text."""
        given: dict[str, int | bool | str] = {}
        for field in attrs.fields(cls):
            text = os.environ.get(_PREFIX + field.name.upper())
            if text is None:
                continue
            if not isinstance(field.default, int):
                if text:  # set to nothing is as good as not set
                    given[field.name] = text
                continue
            if not (text.isascii() and text.isdigit()):
                raise InvalidInput(
                    "settings",
                    _PREFIX + field.name.upper(),
                    f"{text!r} is not a whole number",
                    hint="Give digits only.",
                )
            given[field.name] = bool(int(text)) if isinstance(field.default, bool) else int(text)
        return cls(**given)  # type: ignore[arg-type]  # each name is a field, each value of its type
