-- A user's file as version 1 of the schema made it. Frozen: files like this one exist, and every later version rebuilds them.
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
CREATE INDEX transactions_by_date ON trading_transactions (transaction_date);
CREATE INDEX transactions_by_credit_type ON trading_transactions (credit_type, transaction_date);
CREATE INDEX transactions_by_status ON trading_transactions (status, transaction_date);
CREATE INDEX transactions_by_counterparty ON trading_transactions (counterparty, transaction_date);
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
CREATE INDEX active_orders_by_date ON active_orders (created_at);
CREATE INDEX active_orders_by_credit_type ON active_orders (credit_type, created_at);
CREATE INDEX active_orders_by_status ON active_orders (order_status, created_at);
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
CREATE INDEX order_history_by_date ON order_history (closed_at);
CREATE INDEX order_history_by_credit_type ON order_history (credit_type, closed_at);
CREATE INDEX order_history_by_status ON order_history (order_status, closed_at);
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
INSERT INTO metadata (only, projection_version, applied_sequence, applied_hash, event_number)
    VALUES (1, 1, 0, x'0000000000000000000000000000000000000000000000000000000000000000', 0);
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
