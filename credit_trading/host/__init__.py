"""The host application's own database: balances, statistics, orders and activity in it, and its requests; a follower of the journal.

Needs SQLAlchemy, which the extra `host` brings. What a host's adapter is made of is in `adapter` and `rows`.
"""
