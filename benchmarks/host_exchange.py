"""An exchange for a host to follow: the flow that books are measured with, from many users in some instruments.

Here: the flow's messages as commands. Never here: the host's database (host_rows, host_lag).
Always: an order is a buyer's or a seller's by its side, in the instrument of its owner; what the market refuses is in the journal too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from benchmarks.big_exchange import BigExchange, symbol_of
from benchmarks.flow import CANCEL, NEW, Message
from benchmarks.normal_flow import normal_flow
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange.replica import Replica
from credit_trading.journal.tail import head_of

BETWEEN_US = 2_000
"""From one command to the next: 500 in a second."""
GROUP = 2_000


class FollowedExchange(BigExchange):
    """With `events` of the flow at least, by an even number of `users`. `flow` is what to call it; `begins_at` the last event before it."""

    def __init__(self, home: Path, *, users: int, events: int) -> None:
        super().__init__(home, users=users, orders=0)
        self.flow, flow = normal_flow(events)
        commands = commands_of(flow.messages(), users // 2, lift_ticks=max(0, 1 - flow.lowest_ticks))
        with closing(self.live()) as live:
            self.begins_at = head_of(live)
            while head_of(live) < self.begins_at + events and (some := list(islice(commands, GROUP))):
                self.decide(live, some)

    def handle(self, replica: Replica, command: cmd.Command) -> None:
        request = cmd.Request.of(command, command_id=self.next_id(command), prepared_us=self.time_us)
        engine.handle(replica, request, time_us=max(self.time_us, replica.time_us + BETWEEN_US))


def commands_of(messages: Sequence[Message], buyers: int, *, lift_ticks: int) -> Iterator[cmd.Command]:
    """There are as many sellers, each with the instrument of the buyer before them by so many; prices are lifted above zero."""
    owners: dict[int, int] = {}
    for kind, side, ioc, _, lots, _, number, price_ticks, _ in messages:
        owner = owners.setdefault(number, 1 + number % buyers + buyers * side)
        symbol, name, ticks = symbol_of(owner), f"order-{number}", price_ticks + lift_ticks
        if kind == CANCEL:
            yield cmd.CancelOrder(owner, None, name)
        elif kind == NEW:
            yield cmd.PlaceOrder(owner, symbol, not side, lots, ticks, "IOC" if ioc else "GTC", client_order_id=name)
        else:
            yield cmd.AmendOrder(owner, symbol, None, name, price_ticks=ticks, quantity_lots=lots)
