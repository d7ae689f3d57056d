"""The write path and the services: what hosts call, bound to who is acting."""
