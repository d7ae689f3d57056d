"""The host's tables against the journal: what differs is named, and put right."""
