"""The host's database reached: engines, connections that are lent to us, and what goes wrong with them."""
