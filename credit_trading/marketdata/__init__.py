"""What everybody may see of a market: its book and its trades, as followers of the journal."""
