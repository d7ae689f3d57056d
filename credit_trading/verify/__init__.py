"""Whether everything is as it must be: the chain, the state, the catalogue, every file."""
