"""A word on every column of a user's file, as `column_descriptions` tells whoever opens it: the unit of its numbers, and what it means."""

from __future__ import annotations

_TIME = "microseconds since 1970-01-01 UTC"
_CREDIT = "smallest units of credit_type"
_CASH = "smallest units of currency"
_PRICE = "10^-price_decimals of currency for one whole credit"

_ORDER = {
    "order_id": ("", "the exchange's number of the order (FIX OrderID 37)"),
    "client_order_id": ("", "the owner's own id of the order (FIX ClOrdID 11)"),
    "symbol": ("", "the instrument"),
    "credit_type": ("", "what is traded: the base asset"),
    "currency": ("", "what it is paid in: the quote asset"),
    "side": ("", "buy or sell"),
    "order_type": ("", "limit, market, stop or stop_limit (FIX OrdType 40)"),
    "time_in_force": (
        "",
        "GTC until canceled, DAY until the session ends, GTD until expires_at, IOC at once or not, FOK all at once or not",
    ),
    "price_per_credit": (_PRICE, "the limit; empty for an order at market"),
    "price_decimals": ("", "how many decimals price_per_credit and stop_price have"),
    "stop_price": (_PRICE, "a trade at or beyond it triggers the order (FIX StopPx 99); empty for one that is no stop"),
    "displayed_quantity": (
        _CREDIT,
        "how much of it the book shows at a time (FIX DisplayQty 1138); empty where it shows all",
    ),
    "post_only": ("", "1 for an order that may not trade on arrival, otherwise 0"),
    "self_trade": (
        "",
        "when it meets an order of the same owner: cancel_newest, cancel_oldest, cancel_both or decrement (FIX 2964)",
    ),
    "route": ("", "internal: in this exchange's book; external: worked outside, in no book, its fills are reported"),
    "version": ("", "1 once accepted, and one more for each change or fill; 0 if it was rejected"),
    "triggered_at": (_TIME, "when a stop was triggered; empty while it waits"),
    "quantity": (_CREDIT, "the order's total, what is filled included"),
    "filled_quantity": (_CREDIT, "traded so far (FIX CumQty 14)"),
    "remaining_quantity": (_CREDIT, "quantity less filled_quantity, also of an order that is done"),
    "filled_value": (_CASH, "sum of price times quantity over all fills"),
    "fees": (_CASH, "charged so far; negative where rebates outweigh"),
    "hold": (
        "smallest units of what the order gives",
        "kept out of the owner's reach: currency for a buy, credits for a sell",
    ),
    "order_status": ("", "new, partially_filled, filled, canceled, expired or rejected (FIX OrdStatus 39)"),
    "expires_at": (_TIME, "of a GTD or DAY order"),
    "created_at": (_TIME, "when it was accepted or rejected"),
    "updated_at": (_TIME, "when it last changed"),
}

_FITS = "empty once it does not fit 63 bits"
_STATISTICS = {
    "trades": (
        "",
        "fills of the owner's orders, here and outside, entered and recorded trades, without those that were busted",
    ),
    "bought_quantity": (_CREDIT, f"sum over all buys, without busted ones; {_FITS}"),
    "sold_quantity": (_CREDIT, f"sum over all sells, without busted ones; {_FITS}"),
    "bought_value": (_CASH, f"sum over all buys, before fees, without busted ones; {_FITS}"),
    "sold_value": (_CASH, f"sum over all sells, before fees, without busted ones; {_FITS}"),
    "fees": (_CASH, f"sum over all of these trades; {_FITS}"),
    "cost_moved_in": (_CASH, f"what deposits, transfers and corrections had cost that came in with a price; {_FITS}"),
    "cost_moved_out": (_CASH, f"what withdrawals, transfers, fees and corrections took out of the cost; {_FITS}"),
    "realised_profit": (
        _CASH,
        "proceeds of sales less fees and less what was paid in this currency for what was sold; the same as sold_value - bought_value"
        f" - fees - cost_moved_in + cost_moved_out + the change of cost; {_FITS}",
    ),
    "best_trade": (_CASH, "the largest realised profit of one sale; empty where none is known"),
    "worst_trade": (
        _CASH,
        "the smallest realised profit of one sale, below zero for a loss; empty where none is known",
    ),
    "last_trade_at": (_TIME, "of the last of these trades, busted or not"),
    "orders_placed": ("", "accepted orders"),
    "orders_filled": ("", "orders that were filled whole"),
    "orders_canceled": ("", "orders that were canceled with something left"),
    "orders_expired": ("", "orders that expired with something left"),
    "orders_rejected": ("", "orders that were refused"),
    "ordered_quantity": (
        _CREDIT,
        f"sum of the quantities of orders that are done, without those that were refused; {_FITS}",
    ),
    "filled_quantity": (_CREDIT, f"what was filled of these; {_FITS}"),
    "time_to_fill": ("microseconds", f"sum over orders that were filled whole, from when they were accepted; {_FITS}"),
}
"""But for the cost, which is as of now or as of the day."""
_COST_PART = (
    "billionths of a smallest unit of currency",
    "cost and this are the exact cost; less than a smallest unit either way; empty where cost is",
)
_MOVED_OUT_PART = (
    "billionths of a smallest unit of currency",
    "what the exact sum of cost_moved_out had beyond whole units at that time; with cost_part it is that of realised_profit",
)

DESCRIPTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "metadata": {
        "only": ("", "always 1: the table has one row"),
        "exchange_id": ("", "the exchange that this file follows"),
        "user_number": ("", "the owner's number in the exchange's journal"),
        "user_id": ("", "the owner's id"),
        "email": ("", "the owner's e-mail"),
        "projection_version": ("", "how events were turned into rows"),
        "applied_sequence": ("journal sequence", "the owner's last event that this file shows"),
        "applied_hash": ("SHA-256", "the journal's chain hash there"),
        "event_number": ("", "how many of the owner's events this file shows"),
        "cost_method": ("", "how cost is reckoned in the owner's statistics: average or fifo"),
    },
    "assets": {
        "asset": ("", "the asset's code"),
        "decimals": ("", "digits after the point that its smallest unit has"),
        "project_id": ("", "the project of the host application that it belongs to; empty where it belongs to none"),
    },
    "trading_transactions": {
        "transaction_id": ("journal sequence", "unique within the exchange"),
        "transaction_date": (
            _TIME,
            "when it happened: of what happened here when it was settled, else what was said of it when it was entered",
        ),
        "transaction_type": (
            "",
            "buy, sell, deposit, withdrawal, transfer_in, transfer_out, fee, correction_in, correction_out; buy_busted or sell_busted for a"
            " trade that was taken back",
        ),
        "credit_type": ("", "the asset that was moved: credits, or cash for a deposit of cash"),
        "quantity": (_CREDIT, "always positive; transaction_type says which way"),
        "price_per_credit": (
            _PRICE,
            "of a buy or sell, or of the one that was busted; what an asset that came in has cost, as somebody said",
        ),
        "price_decimals": ("", "how many decimals price_per_credit has"),
        "total_value": (_CASH, "price times quantity, before the fee"),
        "fee": (
            _CASH,
            "paid on top by a buyer, out of the proceeds by a seller; negative for a rebate, or given back by a bust",
        ),
        "currency": ("", "the asset in which price, total and fee are counted"),
        "counterparty": ("", "user id of the other side, or who it was elsewhere"),
        "status": (
            "",
            "pending, then settled, cancelled or failed; most are settled at once. Only settled ones are in balances",
        ),
        "symbol": ("", "the instrument; empty off the book"),
        "order_id": ("", "the owner's order that was filled"),
        "trade_id": ("", "the same in both sides' files, and in the trade and its bust"),
        "role": ("", "maker (resting) or taker (incoming)"),
        "external_reference": ("", "whoever recorded it calls it so"),
        "note": ("", "a remark by whoever recorded it"),
        "recorded_at": (
            _TIME,
            "when one that did not happen on the book was entered, here or, if imported, where it comes from; empty for what"
            " the exchange itself did",
        ),
        "reference": ("", "what one that happened elsewhere is called there: no two of the owner's are called alike"),
        "trade_reference": ("", "what its trade is called there: the same for a trade and its bust"),
        "expires_at": (_TIME, "when a pending one would have been cancelled, or will be"),
        "status_changed_at": (_TIME, "when a pending one was settled, cancelled or failed"),
        "status_reason": ("", "why: requested, expired, user_deleted, or the remark of whoever did it"),
    },
    "active_orders": _ORDER,
    "order_history": _ORDER
    | {
        "reason": ("", "why it ended unfilled: expired, session_ended, the cancel reason, or the rejection's code"),
        "closed_at": (_TIME, "when it was done"),
    },
    "trading_statistics": {
        "credit_type": ("", "what was traded"),
        "currency": ("", "what it was paid in"),
    }
    | _STATISTICS
    | {
        "cost": (_CASH, "what all that is there of credit_type has cost; " + _FITS),
        "cost_part": _COST_PART,
        "cost_moved_out_part": _MOVED_OUT_PART,
    },
    "trading_statistics_by_day": {
        "credit_type": ("", "what was traded"),
        "currency": ("", "what it was paid in"),
        "day": ("days since 1970-01-01 UTC", "on which it happened; of orders: on which they were placed, or done"),
    }
    | _STATISTICS
    | {
        "cost": (
            _CASH,
            "what all that was there of credit_type at the end of the day had cost; empty where it was as before, or does not fit 63 bits",
        ),
        "cost_part": _COST_PART,
        "cost_moved_out_part": _MOVED_OUT_PART,
    },
    "holdings_by_day": {
        "asset": ("", "one that was ordered, or of which it was said what it cost"),
        "day": ("days since 1970-01-01 UTC", "on which something moved it"),
        "quantity": (
            "smallest units of asset",
            "what was there at its end by the dates of transactions: below zero where something went before it came; "
            + _FITS,
        ),
        "last_date": (_TIME, "transaction_date of the last transaction up to its end"),
        "last_transaction_id": ("journal sequence", "the id of that one"),
    },
    "cost_lots": {
        "asset": ("", "one of a file whose cost_method is fifo"),
        "acquired_at": (_TIME, "transaction_date of what came in; the oldest goes first"),
        "transaction_id": ("journal sequence", "what came in"),
        "quantity": ("smallest units of asset", "what is left of it"),
        "currency": ("", "what it was paid in; empty where nothing says what it cost"),
        "cost": ("smallest units of currency", "what the rest has cost"),
        "cost_part": _COST_PART,
    },
    "balances": {
        "asset": ("", "the asset's code"),
        "posted": ("smallest units of asset", "what the owner has"),
        "held": ("smallest units of asset", "the part of it that open orders reserve"),
        "available": ("smallest units of asset", "posted less held"),
    },
    "balance_changes": {
        "asset": ("", "the asset's code"),
        "booked_at": (_TIME, "when the exchange posted it: the journal's time"),
        "sequence": ("journal sequence", "the event that posted it"),
        "transaction_id": ("journal sequence", "the transaction that it belongs to"),
        "transaction_date": (_TIME, "when that one happened; earlier than booked_at where it was entered late"),
        "change": ("smallest units of asset", "what was posted; negative for what went out"),
        "balance": ("smallest units of asset", "balances.posted once it was posted"),
    },
    "audit_trail": {
        "sequence": ("journal sequence", "where the event stands in the exchange's journal"),
        "event_number": ("", "the owner's events are numbered from 1 without gaps"),
        "event_date": (_TIME, "when it happened"),
        "kind": ("", "what happened"),
        "cause": ("", "id of the command that caused it; empty where that was another user's"),
        "actor": (
            "",
            "who gave the command: user:ID or admin:NAME; system for what the passing of time did; empty where that was another user",
        ),
        "origin": ("", "where the command came from, in the host's words"),
        "correlation_id": ("", "what the command was part of, in the host's words"),
        "order_id": ("", "the owner's order that the event is about"),
        "details": ("JSON", "the owner's side of the event, in ticks, lots and smallest units"),
        "changes": (
            "JSON",
            "what the event changed, as {field: [before, after]} in decimal text and ISO times: posted ASSET and held ASSET are"
            " balances; order_status, hold, quantity and so on the order's; status the transaction's; an e-mail only says changed",
        ),
    },
    "column_descriptions": {
        "table_name": ("", "a table of this file"),
        "column_name": ("", "one of its columns"),
        "unit": ("", "what a number in it counts"),
        "description": ("", "what it means"),
    },
}
