"""Attacks on the exchange: processes that are killed, power cuts, disks that fail, crowds; and what must hold afterwards."""
