"""The SQL by which events become rows of a user's file; the order of the parameters is the order of the columns."""

from __future__ import annotations

INSERT_TRANSACTION = (
    "INSERT INTO trading_transactions (transaction_id, transaction_date, transaction_type, credit_type, quantity,"
    " price_per_credit, price_decimals, total_value, fee, currency, counterparty, status, symbol, order_id, trade_id, role,"
    " external_reference, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'settled', ?, ?, ?, ?, ?, ?)"
)
INSERT_RECORDED = (
    "INSERT INTO trading_transactions (transaction_id, transaction_date, transaction_type, credit_type, quantity,"
    " price_per_credit, price_decimals, total_value, fee, currency, counterparty, status, symbol, role, external_reference, note,"
    " recorded_at, reference, trade_reference) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'settled', ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_ENTERED = (
    "INSERT INTO trading_transactions (transaction_id, transaction_date, transaction_type, credit_type, quantity,"
    " price_per_credit, price_decimals, total_value, fee, currency, counterparty, status, symbol, order_id, trade_id,"
    " external_reference, note, recorded_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE_TRANSACTION = (
    "UPDATE trading_transactions SET status = ?1, status_changed_at = ?2, status_reason = ?3, trade_id = ?4"
    " WHERE transaction_id = ?5 AND status = 'pending'"
    " RETURNING transaction_date, transaction_type, quantity, total_value, fee, currency, counterparty"
)
INSERT_BUST = (
    "INSERT INTO trading_transactions (transaction_id, transaction_date, transaction_type, credit_type, quantity,"
    " price_per_credit, price_decimals, total_value, fee, currency, counterparty, status, symbol, order_id, trade_id, role,"
    " external_reference, note) SELECT ?1, ?2, transaction_type || '_busted', credit_type, quantity, price_per_credit,"
    " price_decimals, total_value, -fee, currency, counterparty, status, symbol, order_id, trade_id, role, external_reference, ?3"
    " FROM trading_transactions WHERE trade_id = ?4"
    " RETURNING transaction_type, order_id, counterparty"
)
_ORDER_COLUMNS = (
    "order_id, client_order_id, symbol, credit_type, currency, side, order_type, time_in_force, price_per_credit,"
    " price_decimals, stop_price, displayed_quantity, post_only, self_trade, route, version, triggered_at, quantity,"
    " filled_quantity, remaining_quantity, filled_value, fees, hold, order_status, expires_at, created_at, updated_at"
)
INSERT_ORDER = (
    f"INSERT INTO active_orders ({_ORDER_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 1,"
    " NULL, ?16, 0, ?16, 0, 0, ?19, 'new', ?17, ?18, ?18)"
)
INSERT_REJECTED = (
    f"INSERT INTO order_history ({_ORDER_COLUMNS}, reason, closed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
    " ?13, ?14, ?15, 0, NULL, ?16, 0, ?16, 0, 0, 0, 'rejected', ?17, ?18, ?18, ?19, ?18)"
)
FILL_ORDER = (
    "UPDATE active_orders SET filled_quantity = filled_quantity + ?1, remaining_quantity = remaining_quantity - ?1,"
    " filled_value = filled_value + ?2, fees = fees + ?3, hold = hold - ?4, order_status = 'partially_filled',"
    " version = version + 1, updated_at = ?5 WHERE order_id = ?6 RETURNING remaining_quantity, filled_quantity, hold"
)
AMEND_ORDER = (
    "UPDATE active_orders SET price_per_credit = CASE WHEN price_per_credit IS NOT NULL THEN ?1 END, quantity = ?2,"
    " remaining_quantity = ?2 - filled_quantity, hold = ?3, expires_at = coalesce(?4, expires_at),"
    " time_in_force = CASE WHEN ?4 IS NULL THEN time_in_force ELSE 'GTD' END,"
    " displayed_quantity = coalesce(?5, displayed_quantity), version = version + 1, updated_at = ?6 WHERE order_id = ?7"
    " RETURNING price_per_credit, expires_at, time_in_force, displayed_quantity"
)
TRIGGER_ORDER = (
    "UPDATE active_orders SET hold = ?1, triggered_at = ?2, version = version + 1, updated_at = ?2 WHERE order_id = ?3"
)
REFRESH_ORDER = "UPDATE active_orders SET version = version + 1, updated_at = ?1 WHERE order_id = ?2"
REDUCE_ORDER = (
    "UPDATE active_orders SET quantity = ?1, remaining_quantity = ?1 - filled_quantity, hold = ?2, version = version + 1,"
    " updated_at = ?3 WHERE order_id = ?4"
)
CLOSE_ORDER = (
    f"INSERT INTO order_history ({_ORDER_COLUMNS}, reason, closed_at) SELECT order_id, client_order_id, symbol, credit_type,"
    " currency, side, order_type, time_in_force, price_per_credit, price_decimals, stop_price, displayed_quantity, post_only,"
    " self_trade, route, version, triggered_at, quantity, filled_quantity, remaining_quantity, filled_value, fees, 0, ?1, expires_at,"
    " created_at, ?2, ?3, ?2 FROM active_orders WHERE order_id = ?4 RETURNING quantity, filled_quantity, created_at"
)
BALANCES = "SELECT asset, coalesce(posted, 0), coalesce(held, 0) FROM assets LEFT JOIN balances USING (asset)"
SET_BALANCE = (
    "INSERT INTO balances (asset, posted, held) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET posted = ?2, held = ?3"
)
INSERT_BALANCE_CHANGE = "INSERT INTO balance_changes VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_AUDIT = (
    "INSERT INTO audit_trail (sequence, event_number, event_date, kind, cause, actor, origin, correlation_id, order_id,"
    " details, changes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
LAST_AUDITED = "SELECT cause, actor, origin, correlation_id FROM audit_trail ORDER BY sequence DESC LIMIT 1"
LAST_FEES = (
    "SELECT details FROM audit_trail WHERE kind = 'user_fees_changed' AND json_extract(details, '$.symbol') = ?"
    " ORDER BY sequence DESC LIMIT 1"
)
LAST_SUSPENSION = (
    "SELECT kind FROM audit_trail WHERE kind IN ('user_suspended', 'user_resumed') ORDER BY sequence DESC LIMIT 1"
)
