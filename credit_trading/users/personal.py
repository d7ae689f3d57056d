"""What a command writes beside the journal, in the same commit: the mutable, personal side of what it does.

Here: its shape. Never here: what is written (catalogue), when (the sequencer).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from credit_trading.exchange.events import Entry
from credit_trading.exchange.replica import Replica
from credit_trading.store.sqlite import Connection


@attrs.frozen(kw_only=True)
class PersonalPart:
    """`check` and `guard` are called before the command is decided, as nobody can change anything any more; what they raise refuses it.

    `write` is called once its first event has its place.
    """

    check: Callable[[Connection], None] = lambda _: None
    guard: Callable[[Replica], None] = lambda _: None
    write: Callable[[Connection, Entry], None] = lambda _, __: None
