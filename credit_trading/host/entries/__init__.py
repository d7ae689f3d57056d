"""The activity log: which event gives which entries, their sentences, and counts of them."""
