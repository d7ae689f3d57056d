"""Copies of an exchange that are proven by restoring: archives of sets, each complete or not there."""
