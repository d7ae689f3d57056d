"""The journal: the append-only, hash-chained event log in exchange.db that decides what happened, and everything that follows it."""
