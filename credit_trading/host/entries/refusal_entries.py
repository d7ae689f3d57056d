"""What the activity log says of requests that the exchange has refused.

Here: the entry of a refusal, whoever asked. Never here: orders that were refused on arrival (order_entries).
Always: which request of the host it was says the row, not the sentence.
"""

from __future__ import annotations

from credit_trading.exchange import events as ev
from credit_trading.host.entries.entry import EntryType, Orders, entry, why_refused
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.rows import ActivityRow

_COMMANDS = {
    "CancelOrder": "to cancel an order",
    "CancelOrders": "to cancel orders",
    "AmendOrder": "to change an order",
    "FillOutside": "to report a fill from outside",
    "Deposit": "for a deposit",
    "Withdraw": "for a withdrawal",
    "Transfer": "for a transfer",
    "EnterTransaction": "to enter a transaction",
    "UpdateTransaction": "to move a transaction on",
    "RecordTransaction": "to record a transaction",
    "BustTrade": "to take a trade back",
    "TradeOffBook": "to enter a trade off the book",
}
"""By the name of the command; another one is called by that."""


def command_rejected(seen: Seen, event: ev.CommandRejected, _: Orders, names: Names) -> list[ActivityRow]:
    user = names.user_id(event.user)
    asked = _COMMANDS.get(event.command, f"({event.command})")
    order = "" if event.order is None else f" {event.order}"
    if order and event.command in ("CancelOrder", "AmendOrder"):
        asked = asked.replace("an order", f"order{order}")
    which = f"a request {asked} of {user}" if seen.request is None else f"request {seen.request[0]} for {user}"
    sentence = f"{which} was refused: {why_refused(event.code)}"
    return [
        entry(
            seen,
            EntryType.REQUEST_REFUSED.value,
            sentence,
            user_id=user,
            counterparty_id=None if event.other is None else names.user_id(event.other),
            order_id=event.order,
            status="refused",
            reason=event.code,
        )
    ]
