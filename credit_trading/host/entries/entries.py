"""The activity log: what each event of the journal adds to it.

Here: which events give entries, and which give none. Never here: sentences and figures (order_entries, trade_entries, money_entries,
refusal_entries, setting_entries), reading (activity), counting (daily).
Always: whatever a person would want to see stands exactly once, and follows from the event, the orders it touches and names that never
change; so the entries are the same whenever they are made. `part` counts from 0 within an event.

No entry have: `founded`, `fenced` (upkeep of the journal), `order_refreshed` (an iceberg shows its next slice), and
`orders_mass_canceled` (each of the orders has its own).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from credit_trading.exchange import events as ev
from credit_trading.host.entries import money_entries as money
from credit_trading.host.entries import order_entries as order
from credit_trading.host.entries import refusal_entries as refusal
from credit_trading.host.entries import setting_entries as setting
from credit_trading.host.entries import trade_entries as trade
from credit_trading.host.entries.entry import Orders
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.rows import ActivityRow

_Told = Callable[[Seen, Any, Orders, Names], list[ActivityRow]]


def entries_of(seen: Seen, orders: Orders, names: Names) -> list[ActivityRow]:
    """Rows of one event, by `part`. `orders` are those that it touches, as they are after it: also one that is done by now."""
    event = seen.entry.event
    return _TOLD[type(event)](seen, event, orders, names)


def _nothing(_: Seen, __: ev.Event, ___: Orders, ____: Names) -> list[ActivityRow]:
    return []


_TOLD: dict[type[ev.Event], _Told] = {
    ev.Founded: _nothing,
    ev.Fenced: _nothing,
    ev.OrderRefreshed: _nothing,
    ev.OrdersMassCanceled: _nothing,
    ev.OrderAccepted: order.accepted,
    ev.OrderRejected: order.rejected,
    ev.OrderAmended: order.amended,
    ev.OrderReduced: order.reduced,
    ev.OrderTriggered: order.triggered,
    ev.OrderCanceled: order.canceled,
    ev.OrderExpired: order.expired,
    ev.OrderFilledOutside: trade.filled_outside,
    ev.Trade: trade.traded,
    ev.TradeBusted: trade.busted,
    ev.Deposited: money.deposited,
    ev.Withdrawn: money.withdrawn,
    ev.Transferred: money.transferred,
    ev.TradedOffBook: money.traded_off_book,
    ev.TransactionRecorded: money.recorded,
    ev.TransactionEntered: money.entered,
    ev.TransactionUpdated: money.updated,
    ev.CommandRejected: refusal.command_rejected,
    ev.UserCreated: setting.user_created,
    ev.UserDeleted: setting.user_deleted,
    ev.UserEmailChanged: setting.email_changed,
    ev.UserSuspended: setting.suspended,
    ev.UserResumed: setting.resumed,
    ev.UserFeesChanged: setting.fees_changed,
    ev.CostMethodChanged: setting.cost_method_changed,
    ev.AssetAdded: setting.asset_added,
    ev.InstrumentAdded: setting.instrument_added,
    ev.InstrumentRulesChanged: setting.rules_changed,
    ev.InstrumentScheduled: setting.scheduled,
    ev.InstrumentStatusChanged: setting.status_changed,
}
