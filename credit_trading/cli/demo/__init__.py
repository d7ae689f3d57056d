"""The demo: fifty users, three carbon credits, an evening of stop orders, a day of trading, and a process killed in the middle of it."""
