"""The demo: fifty users, three carbon credits, a day of trading, and a process killed in the middle of it."""
