"""Work that is done by the clock: what is due, who does it, what came of it."""
