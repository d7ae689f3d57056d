"""Files on this machine: the one door to SQLite, locks between processes, durable file operations, the connection pool.

Here: how bytes get to the disk and who may touch them when. Never here: what they mean; tables and their SQL stand in
the rooms that own them.
"""
