-- A user's file as version 2 of the schema made it. Frozen: files like this one exist, and every later version migrates them.
CREATE TABLE metadata (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    exchange_id TEXT,
    user_number INTEGER,
    user_id TEXT,
    email TEXT,
    projection_version INTEGER NOT NULL,
    applied_sequence INTEGER NOT NULL,
    applied_hash BLOB NOT NULL,
    event_number INTEGER NOT NULL
) STRICT;
CREATE TABLE assets (
    asset TEXT PRIMARY KEY,
    decimals INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE trading_transactions (
    transaction_id INTEGER PRIMARY KEY,
    transaction_date INTEGER NOT NULL,
    transaction_type TEXT NOT NULL,
    credit_type TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price_per_credit INTEGER,
    price_decimals INTEGER,
    total_value INTEGER,
    fee INTEGER NOT NULL,
    currency TEXT,
    counterparty TEXT,
    status TEXT NOT NULL,
    symbol TEXT,
    order_id INTEGER,
    trade_id INTEGER,
    role TEXT,
    external_reference TEXT,
    note TEXT
) STRICT;
CREATE TABLE active_orders (
    order_id INTEGER PRIMARY KEY,
    client_order_id TEXT,
    symbol TEXT NOT NULL,
    credit_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    price_per_credit INTEGER,
    price_decimals INTEGER NOT NULL,
    stop_price INTEGER,
    displayed_quantity INTEGER,
    post_only INTEGER NOT NULL,
    self_trade TEXT NOT NULL,
    version INTEGER NOT NULL,
    triggered_at INTEGER,
    quantity INTEGER NOT NULL,
    filled_quantity INTEGER NOT NULL,
    remaining_quantity INTEGER NOT NULL,
    filled_value INTEGER NOT NULL,
    fees INTEGER NOT NULL,
    hold INTEGER NOT NULL,
    order_status TEXT NOT NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE order_history (
    order_id INTEGER PRIMARY KEY,
    client_order_id TEXT,
    symbol TEXT NOT NULL,
    credit_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    price_per_credit INTEGER,
    price_decimals INTEGER NOT NULL,
    stop_price INTEGER,
    displayed_quantity INTEGER,
    post_only INTEGER NOT NULL,
    self_trade TEXT NOT NULL,
    version INTEGER NOT NULL,
    triggered_at INTEGER,
    quantity INTEGER NOT NULL,
    filled_quantity INTEGER NOT NULL,
    remaining_quantity INTEGER NOT NULL,
    filled_value INTEGER NOT NULL,
    fees INTEGER NOT NULL,
    hold INTEGER NOT NULL,
    order_status TEXT NOT NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    closed_at INTEGER NOT NULL
) STRICT;
CREATE TABLE trading_statistics (
    credit_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    trades INTEGER NOT NULL DEFAULT 0,
    bought_quantity INTEGER DEFAULT 0,
    sold_quantity INTEGER DEFAULT 0,
    bought_value INTEGER DEFAULT 0,
    sold_value INTEGER DEFAULT 0,
    fees INTEGER DEFAULT 0,
    orders_placed INTEGER NOT NULL DEFAULT 0,
    orders_filled INTEGER NOT NULL DEFAULT 0,
    orders_canceled INTEGER NOT NULL DEFAULT 0,
    orders_expired INTEGER NOT NULL DEFAULT 0,
    orders_rejected INTEGER NOT NULL DEFAULT 0,
    last_trade_at INTEGER,
    PRIMARY KEY (credit_type, currency)
) STRICT, WITHOUT ROWID;
CREATE TABLE balances (
    asset TEXT PRIMARY KEY,
    posted INTEGER NOT NULL,
    held INTEGER NOT NULL,
    available INTEGER GENERATED ALWAYS AS (posted - held) VIRTUAL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_trail (
    sequence INTEGER PRIMARY KEY,
    event_number INTEGER NOT NULL,
    event_date INTEGER NOT NULL,
    kind TEXT NOT NULL,
    cause TEXT,
    actor TEXT,
    origin TEXT,
    correlation_id TEXT,
    order_id INTEGER,
    details TEXT NOT NULL
) STRICT;
CREATE TABLE column_descriptions (
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    unit TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (table_name, column_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX transactions_by_date ON trading_transactions (transaction_date);
CREATE INDEX transactions_by_credit_type ON trading_transactions (credit_type, transaction_date);
CREATE INDEX transactions_by_status ON trading_transactions (status, transaction_date);
CREATE INDEX transactions_by_counterparty ON trading_transactions (counterparty, transaction_date);
CREATE INDEX active_orders_by_date ON active_orders (created_at);
CREATE INDEX active_orders_by_credit_type ON active_orders (credit_type, created_at);
CREATE INDEX active_orders_by_status ON active_orders (order_status, created_at);
CREATE INDEX order_history_by_date ON order_history (closed_at);
CREATE INDEX order_history_by_credit_type ON order_history (credit_type, closed_at);
CREATE INDEX order_history_by_status ON order_history (order_status, closed_at);
CREATE VIEW trading_transactions_readable AS SELECT
    t.transaction_id AS transaction_id,
    strftime('%Y-%m-%dT%H:%M:%S', t.transaction_date / 1000000, 'unixepoch') || '.' || substr('000000' || (t.transaction_date % 1000000), -6, 6) || 'Z' AS transaction_date,
    t.transaction_type AS transaction_type,
    t.credit_type AS credit_type,
    CASE WHEN b.decimals = 0 THEN CAST(t.quantity AS TEXT) ELSE CASE WHEN t.quantity < 0 THEN '-' ELSE '' END || (abs(t.quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS quantity,
    CASE WHEN t.price_decimals = 0 THEN CAST(t.price_per_credit AS TEXT) ELSE CASE WHEN t.price_per_credit < 0 THEN '-' ELSE '' END || (abs(t.price_per_credit) / CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.price_per_credit) % CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)), -t.price_decimals, t.price_decimals) END AS price_per_credit,
    CASE WHEN q.decimals = 0 THEN CAST(t.total_value AS TEXT) ELSE CASE WHEN t.total_value < 0 THEN '-' ELSE '' END || (abs(t.total_value) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.total_value) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS total_value,
    CASE WHEN q.decimals = 0 THEN CAST(t.fee AS TEXT) ELSE CASE WHEN t.fee < 0 THEN '-' ELSE '' END || (abs(t.fee) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.fee) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS fee,
    t.currency AS currency,
    t.counterparty AS counterparty,
    t.status AS status,
    t.symbol AS symbol,
    t.order_id AS order_id,
    t.trade_id AS trade_id,
    t.role AS role,
    t.external_reference AS external_reference,
    t.note AS note
FROM trading_transactions AS t JOIN assets AS b ON b.asset = t.credit_type LEFT JOIN assets AS q ON q.asset = t.currency;
CREATE VIEW active_orders_readable AS SELECT
    t.order_id AS order_id,
    t.client_order_id AS client_order_id,
    t.symbol AS symbol,
    t.credit_type AS credit_type,
    t.currency AS currency,
    t.side AS side,
    t.order_type AS order_type,
    t.time_in_force AS time_in_force,
    CASE WHEN t.price_decimals = 0 THEN CAST(t.price_per_credit AS TEXT) ELSE CASE WHEN t.price_per_credit < 0 THEN '-' ELSE '' END || (abs(t.price_per_credit) / CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.price_per_credit) % CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)), -t.price_decimals, t.price_decimals) END AS price_per_credit,
    CASE WHEN t.price_decimals = 0 THEN CAST(t.stop_price AS TEXT) ELSE CASE WHEN t.stop_price < 0 THEN '-' ELSE '' END || (abs(t.stop_price) / CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.stop_price) % CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)), -t.price_decimals, t.price_decimals) END AS stop_price,
    CASE WHEN b.decimals = 0 THEN CAST(t.displayed_quantity AS TEXT) ELSE CASE WHEN t.displayed_quantity < 0 THEN '-' ELSE '' END || (abs(t.displayed_quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.displayed_quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS displayed_quantity,
    t.post_only AS post_only,
    t.self_trade AS self_trade,
    t.version AS version,
    strftime('%Y-%m-%dT%H:%M:%S', t.triggered_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.triggered_at % 1000000), -6, 6) || 'Z' AS triggered_at,
    CASE WHEN b.decimals = 0 THEN CAST(t.quantity AS TEXT) ELSE CASE WHEN t.quantity < 0 THEN '-' ELSE '' END || (abs(t.quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS quantity,
    CASE WHEN b.decimals = 0 THEN CAST(t.filled_quantity AS TEXT) ELSE CASE WHEN t.filled_quantity < 0 THEN '-' ELSE '' END || (abs(t.filled_quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.filled_quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS filled_quantity,
    CASE WHEN b.decimals = 0 THEN CAST(t.remaining_quantity AS TEXT) ELSE CASE WHEN t.remaining_quantity < 0 THEN '-' ELSE '' END || (abs(t.remaining_quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.remaining_quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS remaining_quantity,
    CASE WHEN 1 = 0 THEN CAST(CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END AS TEXT) ELSE CASE WHEN CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END < 0 THEN '-' ELSE '' END || (abs(CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END) / CAST('1' || substr('000000000000000000', 1, 1) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END) % CAST('1' || substr('000000000000000000', 1, 1) AS INTEGER)), -1, 1) END AS percent_filled,
    CASE WHEN q.decimals = 0 THEN CAST(t.filled_value AS TEXT) ELSE CASE WHEN t.filled_value < 0 THEN '-' ELSE '' END || (abs(t.filled_value) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.filled_value) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS filled_value,
    CASE WHEN q.decimals = 0 THEN CAST(t.fees AS TEXT) ELSE CASE WHEN t.fees < 0 THEN '-' ELSE '' END || (abs(t.fees) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.fees) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS fees,
    CASE t.side WHEN 'buy' THEN CASE WHEN q.decimals = 0 THEN CAST(t.hold AS TEXT) ELSE CASE WHEN t.hold < 0 THEN '-' ELSE '' END || (abs(t.hold) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.hold) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END ELSE CASE WHEN b.decimals = 0 THEN CAST(t.hold AS TEXT) ELSE CASE WHEN t.hold < 0 THEN '-' ELSE '' END || (abs(t.hold) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.hold) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END END AS hold,
    t.order_status AS order_status,
    strftime('%Y-%m-%dT%H:%M:%S', t.expires_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.expires_at % 1000000), -6, 6) || 'Z' AS expires_at,
    strftime('%Y-%m-%dT%H:%M:%S', t.created_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.created_at % 1000000), -6, 6) || 'Z' AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', t.updated_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.updated_at % 1000000), -6, 6) || 'Z' AS updated_at
FROM active_orders AS t JOIN assets AS b ON b.asset = t.credit_type JOIN assets AS q ON q.asset = t.currency;
CREATE VIEW order_history_readable AS SELECT
    t.order_id AS order_id,
    t.client_order_id AS client_order_id,
    t.symbol AS symbol,
    t.credit_type AS credit_type,
    t.currency AS currency,
    t.side AS side,
    t.order_type AS order_type,
    t.time_in_force AS time_in_force,
    CASE WHEN t.price_decimals = 0 THEN CAST(t.price_per_credit AS TEXT) ELSE CASE WHEN t.price_per_credit < 0 THEN '-' ELSE '' END || (abs(t.price_per_credit) / CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.price_per_credit) % CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)), -t.price_decimals, t.price_decimals) END AS price_per_credit,
    CASE WHEN t.price_decimals = 0 THEN CAST(t.stop_price AS TEXT) ELSE CASE WHEN t.stop_price < 0 THEN '-' ELSE '' END || (abs(t.stop_price) / CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.stop_price) % CAST('1' || substr('000000000000000000', 1, t.price_decimals) AS INTEGER)), -t.price_decimals, t.price_decimals) END AS stop_price,
    CASE WHEN b.decimals = 0 THEN CAST(t.displayed_quantity AS TEXT) ELSE CASE WHEN t.displayed_quantity < 0 THEN '-' ELSE '' END || (abs(t.displayed_quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.displayed_quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS displayed_quantity,
    t.post_only AS post_only,
    t.self_trade AS self_trade,
    t.version AS version,
    strftime('%Y-%m-%dT%H:%M:%S', t.triggered_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.triggered_at % 1000000), -6, 6) || 'Z' AS triggered_at,
    CASE WHEN b.decimals = 0 THEN CAST(t.quantity AS TEXT) ELSE CASE WHEN t.quantity < 0 THEN '-' ELSE '' END || (abs(t.quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS quantity,
    CASE WHEN b.decimals = 0 THEN CAST(t.filled_quantity AS TEXT) ELSE CASE WHEN t.filled_quantity < 0 THEN '-' ELSE '' END || (abs(t.filled_quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.filled_quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS filled_quantity,
    CASE WHEN b.decimals = 0 THEN CAST(t.remaining_quantity AS TEXT) ELSE CASE WHEN t.remaining_quantity < 0 THEN '-' ELSE '' END || (abs(t.remaining_quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.remaining_quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS remaining_quantity,
    CASE WHEN 1 = 0 THEN CAST(CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END AS TEXT) ELSE CASE WHEN CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END < 0 THEN '-' ELSE '' END || (abs(CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END) / CAST('1' || substr('000000000000000000', 1, 1) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(CASE WHEN t.remaining_quantity = 0 THEN 1000 ELSE min(999, CAST(t.filled_quantity * 1000.0 / t.quantity AS INTEGER)) END) % CAST('1' || substr('000000000000000000', 1, 1) AS INTEGER)), -1, 1) END AS percent_filled,
    CASE WHEN q.decimals = 0 THEN CAST(t.filled_value AS TEXT) ELSE CASE WHEN t.filled_value < 0 THEN '-' ELSE '' END || (abs(t.filled_value) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.filled_value) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS filled_value,
    CASE WHEN q.decimals = 0 THEN CAST(t.fees AS TEXT) ELSE CASE WHEN t.fees < 0 THEN '-' ELSE '' END || (abs(t.fees) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.fees) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS fees,
    CASE t.side WHEN 'buy' THEN CASE WHEN q.decimals = 0 THEN CAST(t.hold AS TEXT) ELSE CASE WHEN t.hold < 0 THEN '-' ELSE '' END || (abs(t.hold) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.hold) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END ELSE CASE WHEN b.decimals = 0 THEN CAST(t.hold AS TEXT) ELSE CASE WHEN t.hold < 0 THEN '-' ELSE '' END || (abs(t.hold) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.hold) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END END AS hold,
    t.order_status AS order_status,
    strftime('%Y-%m-%dT%H:%M:%S', t.expires_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.expires_at % 1000000), -6, 6) || 'Z' AS expires_at,
    strftime('%Y-%m-%dT%H:%M:%S', t.created_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.created_at % 1000000), -6, 6) || 'Z' AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', t.updated_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.updated_at % 1000000), -6, 6) || 'Z' AS updated_at,
    t.reason AS reason,
    strftime('%Y-%m-%dT%H:%M:%S', t.closed_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.closed_at % 1000000), -6, 6) || 'Z' AS closed_at
FROM order_history AS t JOIN assets AS b ON b.asset = t.credit_type JOIN assets AS q ON q.asset = t.currency;
CREATE VIEW trading_statistics_readable AS SELECT
    t.credit_type AS credit_type,
    t.currency AS currency,
    t.trades AS trades,
    CASE WHEN b.decimals = 0 THEN CAST(t.bought_quantity AS TEXT) ELSE CASE WHEN t.bought_quantity < 0 THEN '-' ELSE '' END || (abs(t.bought_quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.bought_quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS bought_quantity,
    CASE WHEN b.decimals = 0 THEN CAST(t.sold_quantity AS TEXT) ELSE CASE WHEN t.sold_quantity < 0 THEN '-' ELSE '' END || (abs(t.sold_quantity) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.sold_quantity) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS sold_quantity,
    CASE WHEN q.decimals = 0 THEN CAST(t.bought_value AS TEXT) ELSE CASE WHEN t.bought_value < 0 THEN '-' ELSE '' END || (abs(t.bought_value) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.bought_value) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS bought_value,
    CASE WHEN q.decimals = 0 THEN CAST(t.sold_value AS TEXT) ELSE CASE WHEN t.sold_value < 0 THEN '-' ELSE '' END || (abs(t.sold_value) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.sold_value) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS sold_value,
    CASE WHEN q.decimals = 0 THEN CAST(t.fees AS TEXT) ELSE CASE WHEN t.fees < 0 THEN '-' ELSE '' END || (abs(t.fees) / CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.fees) % CAST('1' || substr('000000000000000000', 1, q.decimals) AS INTEGER)), -q.decimals, q.decimals) END AS fees,
    t.orders_placed AS orders_placed,
    t.orders_filled AS orders_filled,
    t.orders_canceled AS orders_canceled,
    t.orders_expired AS orders_expired,
    t.orders_rejected AS orders_rejected,
    strftime('%Y-%m-%dT%H:%M:%S', t.last_trade_at / 1000000, 'unixepoch') || '.' || substr('000000' || (t.last_trade_at % 1000000), -6, 6) || 'Z' AS last_trade_at
FROM trading_statistics AS t JOIN assets AS b ON b.asset = t.credit_type JOIN assets AS q ON q.asset = t.currency;
CREATE VIEW balances_readable AS SELECT
    t.asset AS asset,
    CASE WHEN b.decimals = 0 THEN CAST(t.posted AS TEXT) ELSE CASE WHEN t.posted < 0 THEN '-' ELSE '' END || (abs(t.posted) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.posted) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS posted,
    CASE WHEN b.decimals = 0 THEN CAST(t.held AS TEXT) ELSE CASE WHEN t.held < 0 THEN '-' ELSE '' END || (abs(t.held) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.held) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS held,
    CASE WHEN b.decimals = 0 THEN CAST(t.available AS TEXT) ELSE CASE WHEN t.available < 0 THEN '-' ELSE '' END || (abs(t.available) / CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)) || '.' || substr('000000000000000000' || (abs(t.available) % CAST('1' || substr('000000000000000000', 1, b.decimals) AS INTEGER)), -b.decimals, b.decimals) END AS available
FROM balances AS t JOIN assets AS b ON b.asset = t.asset;
CREATE VIEW audit_trail_readable AS SELECT
    t.sequence AS sequence,
    t.event_number AS event_number,
    strftime('%Y-%m-%dT%H:%M:%S', t.event_date / 1000000, 'unixepoch') || '.' || substr('000000' || (t.event_date % 1000000), -6, 6) || 'Z' AS event_date,
    t.kind AS kind,
    t.cause AS cause,
    t.actor AS actor,
    t.origin AS origin,
    t.correlation_id AS correlation_id,
    t.order_id AS order_id,
    t.details AS details
FROM audit_trail AS t;
INSERT INTO column_descriptions VALUES ('active_orders', 'client_order_id', '', 'the owner''s own id of the order (FIX ClOrdID 11)');
INSERT INTO column_descriptions VALUES ('active_orders', 'created_at', 'microseconds since 1970-01-01 UTC', 'when it was accepted or rejected');
INSERT INTO column_descriptions VALUES ('active_orders', 'credit_type', '', 'what is traded: the base asset');
INSERT INTO column_descriptions VALUES ('active_orders', 'currency', '', 'what it is paid in: the quote asset');
INSERT INTO column_descriptions VALUES ('active_orders', 'displayed_quantity', 'smallest units of credit_type', 'how much of it the book shows at a time (FIX DisplayQty 1138); empty where it shows all');
INSERT INTO column_descriptions VALUES ('active_orders', 'expires_at', 'microseconds since 1970-01-01 UTC', 'of a GTD or DAY order');
INSERT INTO column_descriptions VALUES ('active_orders', 'fees', 'smallest units of currency', 'charged so far; negative where rebates outweigh');
INSERT INTO column_descriptions VALUES ('active_orders', 'filled_quantity', 'smallest units of credit_type', 'traded so far (FIX CumQty 14)');
INSERT INTO column_descriptions VALUES ('active_orders', 'filled_value', 'smallest units of currency', 'sum of price times quantity over all fills');
INSERT INTO column_descriptions VALUES ('active_orders', 'hold', 'smallest units of what the order gives', 'kept out of the owner''s reach: currency for a buy, credits for a sell');
INSERT INTO column_descriptions VALUES ('active_orders', 'order_id', '', 'the exchange''s number of the order (FIX OrderID 37)');
INSERT INTO column_descriptions VALUES ('active_orders', 'order_status', '', 'new, partially_filled, filled, canceled, expired or rejected (FIX OrdStatus 39)');
INSERT INTO column_descriptions VALUES ('active_orders', 'order_type', '', 'limit, market, stop or stop_limit (FIX OrdType 40)');
INSERT INTO column_descriptions VALUES ('active_orders', 'post_only', '', '1 for an order that may not trade on arrival, otherwise 0');
INSERT INTO column_descriptions VALUES ('active_orders', 'price_decimals', '', 'how many decimals price_per_credit and stop_price have');
INSERT INTO column_descriptions VALUES ('active_orders', 'price_per_credit', '10^-price_decimals of currency for one whole credit', 'the limit; empty for an order at market');
INSERT INTO column_descriptions VALUES ('active_orders', 'quantity', 'smallest units of credit_type', 'the order''s total, what is filled included');
INSERT INTO column_descriptions VALUES ('active_orders', 'remaining_quantity', 'smallest units of credit_type', 'quantity less filled_quantity, also of an order that is done');
INSERT INTO column_descriptions VALUES ('active_orders', 'self_trade', '', 'when it meets an order of the same owner: cancel_newest, cancel_oldest, cancel_both or decrement (FIX 2964)');
INSERT INTO column_descriptions VALUES ('active_orders', 'side', '', 'buy or sell');
INSERT INTO column_descriptions VALUES ('active_orders', 'stop_price', '10^-price_decimals of currency for one whole credit', 'a trade at or beyond it triggers the order (FIX StopPx 99); empty for one that is no stop');
INSERT INTO column_descriptions VALUES ('active_orders', 'symbol', '', 'the instrument');
INSERT INTO column_descriptions VALUES ('active_orders', 'time_in_force', '', 'GTC until canceled, DAY until the session ends, GTD until expires_at, IOC at once or not, FOK all at once or not');
INSERT INTO column_descriptions VALUES ('active_orders', 'triggered_at', 'microseconds since 1970-01-01 UTC', 'when a stop was triggered; empty while it waits');
INSERT INTO column_descriptions VALUES ('active_orders', 'updated_at', 'microseconds since 1970-01-01 UTC', 'when it last changed');
INSERT INTO column_descriptions VALUES ('active_orders', 'version', '', '1 once accepted, and one more for each change or fill; 0 if it was rejected');
INSERT INTO column_descriptions VALUES ('assets', 'asset', '', 'the asset''s code');
INSERT INTO column_descriptions VALUES ('assets', 'decimals', '', 'digits after the point that its smallest unit has');
INSERT INTO column_descriptions VALUES ('audit_trail', 'actor', '', 'who gave the command: user:ID or admin:NAME; on its first event only');
INSERT INTO column_descriptions VALUES ('audit_trail', 'cause', '', 'id of the command that caused it; empty where that was another user''s');
INSERT INTO column_descriptions VALUES ('audit_trail', 'correlation_id', '', 'what the command was part of, in the host''s words');
INSERT INTO column_descriptions VALUES ('audit_trail', 'details', 'JSON', 'the owner''s side of the event, in ticks, lots and smallest units');
INSERT INTO column_descriptions VALUES ('audit_trail', 'event_date', 'microseconds since 1970-01-01 UTC', 'when it happened');
INSERT INTO column_descriptions VALUES ('audit_trail', 'event_number', '', 'the owner''s events are numbered from 1 without gaps');
INSERT INTO column_descriptions VALUES ('audit_trail', 'kind', '', 'what happened');
INSERT INTO column_descriptions VALUES ('audit_trail', 'order_id', '', 'the owner''s order that the event is about');
INSERT INTO column_descriptions VALUES ('audit_trail', 'origin', '', 'where the command came from, in the host''s words');
INSERT INTO column_descriptions VALUES ('audit_trail', 'sequence', 'journal sequence', 'where the event stands in the exchange''s journal');
INSERT INTO column_descriptions VALUES ('balances', 'asset', '', 'the asset''s code');
INSERT INTO column_descriptions VALUES ('balances', 'available', 'smallest units of asset', 'posted less held');
INSERT INTO column_descriptions VALUES ('balances', 'held', 'smallest units of asset', 'the part of it that open orders reserve');
INSERT INTO column_descriptions VALUES ('balances', 'posted', 'smallest units of asset', 'what the owner has');
INSERT INTO column_descriptions VALUES ('column_descriptions', 'column_name', '', 'one of its columns');
INSERT INTO column_descriptions VALUES ('column_descriptions', 'description', '', 'what it means');
INSERT INTO column_descriptions VALUES ('column_descriptions', 'table_name', '', 'a table of this file');
INSERT INTO column_descriptions VALUES ('column_descriptions', 'unit', '', 'what a number in it counts');
INSERT INTO column_descriptions VALUES ('metadata', 'applied_hash', 'SHA-256', 'the journal''s chain hash there');
INSERT INTO column_descriptions VALUES ('metadata', 'applied_sequence', 'journal sequence', 'the owner''s last event that this file shows');
INSERT INTO column_descriptions VALUES ('metadata', 'email', '', 'the owner''s e-mail');
INSERT INTO column_descriptions VALUES ('metadata', 'event_number', '', 'how many of the owner''s events this file shows');
INSERT INTO column_descriptions VALUES ('metadata', 'exchange_id', '', 'the exchange that this file follows');
INSERT INTO column_descriptions VALUES ('metadata', 'only', '', 'always 1: the table has one row');
INSERT INTO column_descriptions VALUES ('metadata', 'projection_version', '', 'how events were turned into rows');
INSERT INTO column_descriptions VALUES ('metadata', 'user_id', '', 'the owner''s id');
INSERT INTO column_descriptions VALUES ('metadata', 'user_number', '', 'the owner''s number in the exchange''s journal');
INSERT INTO column_descriptions VALUES ('order_history', 'client_order_id', '', 'the owner''s own id of the order (FIX ClOrdID 11)');
INSERT INTO column_descriptions VALUES ('order_history', 'closed_at', 'microseconds since 1970-01-01 UTC', 'when it was done');
INSERT INTO column_descriptions VALUES ('order_history', 'created_at', 'microseconds since 1970-01-01 UTC', 'when it was accepted or rejected');
INSERT INTO column_descriptions VALUES ('order_history', 'credit_type', '', 'what is traded: the base asset');
INSERT INTO column_descriptions VALUES ('order_history', 'currency', '', 'what it is paid in: the quote asset');
INSERT INTO column_descriptions VALUES ('order_history', 'displayed_quantity', 'smallest units of credit_type', 'how much of it the book shows at a time (FIX DisplayQty 1138); empty where it shows all');
INSERT INTO column_descriptions VALUES ('order_history', 'expires_at', 'microseconds since 1970-01-01 UTC', 'of a GTD or DAY order');
INSERT INTO column_descriptions VALUES ('order_history', 'fees', 'smallest units of currency', 'charged so far; negative where rebates outweigh');
INSERT INTO column_descriptions VALUES ('order_history', 'filled_quantity', 'smallest units of credit_type', 'traded so far (FIX CumQty 14)');
INSERT INTO column_descriptions VALUES ('order_history', 'filled_value', 'smallest units of currency', 'sum of price times quantity over all fills');
INSERT INTO column_descriptions VALUES ('order_history', 'hold', 'smallest units of what the order gives', 'kept out of the owner''s reach: currency for a buy, credits for a sell');
INSERT INTO column_descriptions VALUES ('order_history', 'order_id', '', 'the exchange''s number of the order (FIX OrderID 37)');
INSERT INTO column_descriptions VALUES ('order_history', 'order_status', '', 'new, partially_filled, filled, canceled, expired or rejected (FIX OrdStatus 39)');
INSERT INTO column_descriptions VALUES ('order_history', 'order_type', '', 'limit, market, stop or stop_limit (FIX OrdType 40)');
INSERT INTO column_descriptions VALUES ('order_history', 'post_only', '', '1 for an order that may not trade on arrival, otherwise 0');
INSERT INTO column_descriptions VALUES ('order_history', 'price_decimals', '', 'how many decimals price_per_credit and stop_price have');
INSERT INTO column_descriptions VALUES ('order_history', 'price_per_credit', '10^-price_decimals of currency for one whole credit', 'the limit; empty for an order at market');
INSERT INTO column_descriptions VALUES ('order_history', 'quantity', 'smallest units of credit_type', 'the order''s total, what is filled included');
INSERT INTO column_descriptions VALUES ('order_history', 'reason', '', 'why it ended unfilled: expired, session_ended, the cancel reason, or the rejection''s code');
INSERT INTO column_descriptions VALUES ('order_history', 'remaining_quantity', 'smallest units of credit_type', 'quantity less filled_quantity, also of an order that is done');
INSERT INTO column_descriptions VALUES ('order_history', 'self_trade', '', 'when it meets an order of the same owner: cancel_newest, cancel_oldest, cancel_both or decrement (FIX 2964)');
INSERT INTO column_descriptions VALUES ('order_history', 'side', '', 'buy or sell');
INSERT INTO column_descriptions VALUES ('order_history', 'stop_price', '10^-price_decimals of currency for one whole credit', 'a trade at or beyond it triggers the order (FIX StopPx 99); empty for one that is no stop');
INSERT INTO column_descriptions VALUES ('order_history', 'symbol', '', 'the instrument');
INSERT INTO column_descriptions VALUES ('order_history', 'time_in_force', '', 'GTC until canceled, DAY until the session ends, GTD until expires_at, IOC at once or not, FOK all at once or not');
INSERT INTO column_descriptions VALUES ('order_history', 'triggered_at', 'microseconds since 1970-01-01 UTC', 'when a stop was triggered; empty while it waits');
INSERT INTO column_descriptions VALUES ('order_history', 'updated_at', 'microseconds since 1970-01-01 UTC', 'when it last changed');
INSERT INTO column_descriptions VALUES ('order_history', 'version', '', '1 once accepted, and one more for each change or fill; 0 if it was rejected');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'bought_quantity', 'smallest units of credit_type', 'sum over all buys, without busted ones; empty once it does not fit 63 bits');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'bought_value', 'smallest units of currency', 'sum over all buys, before fees, without busted ones; empty once it does not fit 63 bits');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'credit_type', '', 'what was traded');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'currency', '', 'what it was paid in');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'fees', 'smallest units of currency', 'sum over all fills, without busted ones; empty once it does not fit 63 bits');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'last_trade_at', 'microseconds since 1970-01-01 UTC', 'of the last fill or off-book trade, busted or not');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'orders_canceled', '', 'orders that were canceled with something left');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'orders_expired', '', 'orders that expired with something left');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'orders_filled', '', 'orders that were filled whole');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'orders_placed', '', 'accepted orders');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'orders_rejected', '', 'orders that were refused');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'sold_quantity', 'smallest units of credit_type', 'sum over all sells, without busted ones; empty once it does not fit 63 bits');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'sold_value', 'smallest units of currency', 'sum over all sells, before fees, without busted ones; empty once it does not fit 63 bits');
INSERT INTO column_descriptions VALUES ('trading_statistics', 'trades', '', 'fills of the owner''s orders, and off-book trades, without those that were busted');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'counterparty', '', 'user id of the other side');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'credit_type', '', 'the asset that was moved: credits, or cash for a deposit of cash');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'currency', '', 'the asset in which price, total and fee are counted');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'external_reference', '', 'whoever recorded it calls it so');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'fee', 'smallest units of currency', 'paid on top by a buyer, out of the proceeds by a seller; negative for a rebate, or given back by a bust');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'note', '', 'a remark by whoever recorded it');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'order_id', '', 'the owner''s order that was filled');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'price_decimals', '', 'how many decimals price_per_credit has');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'price_per_credit', '10^-price_decimals of currency for one whole credit', 'of a buy or sell, or of the one that was busted');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'quantity', 'smallest units of credit_type', 'always positive; transaction_type says which way');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'role', '', 'maker (resting) or taker (incoming)');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'status', '', 'settled');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'symbol', '', 'the instrument; empty off the book');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'total_value', 'smallest units of currency', 'price times quantity, before the fee');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'trade_id', '', 'the same in both sides'' files, and in the trade and its bust');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'transaction_date', 'microseconds since 1970-01-01 UTC', 'when it was settled');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'transaction_id', 'journal sequence', 'unique within the exchange');
INSERT INTO column_descriptions VALUES ('trading_transactions', 'transaction_type', '', 'buy, sell, deposit, withdrawal, transfer_in, transfer_out; buy_busted or sell_busted for a trade that was taken back');
