"""The indices of a user's file: each for a filter or an order in which its rows can be asked for.

Here: their SQL. Never here: the questions (search).
"""

from __future__ import annotations

INDICES = """\
CREATE INDEX transactions_by_date ON trading_transactions (transaction_date);
CREATE INDEX transactions_by_credit_type ON trading_transactions (credit_type, transaction_date);
CREATE INDEX transactions_by_currency ON trading_transactions (currency, transaction_date) WHERE currency IS NOT NULL;
CREATE INDEX transactions_by_type ON trading_transactions (transaction_type, transaction_date);
CREATE INDEX transactions_by_counterparty ON trading_transactions (counterparty, transaction_date) WHERE counterparty IS NOT NULL;
CREATE INDEX transactions_by_order ON trading_transactions (order_id, transaction_date) WHERE order_id IS NOT NULL;
CREATE INDEX transactions_by_trade ON trading_transactions (trade_id, transaction_date) WHERE trade_id IS NOT NULL;
CREATE INDEX transactions_by_external_reference ON trading_transactions (external_reference, transaction_date)
    WHERE external_reference IS NOT NULL;
CREATE INDEX transactions_unsettled ON trading_transactions (status, transaction_date) WHERE status <> 'settled';
CREATE INDEX transactions_by_quantity ON trading_transactions (credit_type, quantity);
CREATE INDEX transactions_by_total ON trading_transactions (currency, total_value) WHERE total_value IS NOT NULL;
CREATE UNIQUE INDEX transactions_by_reference ON trading_transactions (reference) WHERE reference IS NOT NULL;
CREATE INDEX active_orders_by_date ON active_orders (created_at);
CREATE INDEX order_history_by_date ON order_history (created_at);
CREATE INDEX order_history_by_end ON order_history (closed_at);
CREATE INDEX order_history_by_credit_type ON order_history (credit_type, created_at);
CREATE INDEX order_history_by_currency ON order_history (currency, created_at);
CREATE INDEX order_history_by_status ON order_history (order_status, created_at);
CREATE INDEX order_history_by_type ON order_history (order_type, created_at) WHERE order_type <> 'limit';
CREATE INDEX order_history_external ON order_history (created_at) WHERE route = 'external';
CREATE INDEX order_history_by_client_order_id ON order_history (client_order_id, created_at) WHERE client_order_id IS NOT NULL;
CREATE INDEX balance_changes_entered_late ON balance_changes (asset, transaction_date, booked_at, sequence, change)
    WHERE transaction_date < booked_at;
CREATE INDEX audit_by_cause ON audit_trail (cause) WHERE cause IS NOT NULL;
CREATE INDEX audit_by_correlation ON audit_trail (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX audit_by_order ON audit_trail (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX audit_by_origin ON audit_trail (origin) WHERE origin IS NOT NULL;
CREATE INDEX audit_by_kind ON audit_trail (kind);
CREATE INDEX audit_by_actor ON audit_trail (actor) WHERE actor IS NOT NULL;
"""
