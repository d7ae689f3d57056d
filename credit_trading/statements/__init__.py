"""Statements of a period: what a user had, what moved it, what is left; as text, data and a page to send on."""
