"""The exchange as a pure state machine: commands in, events out, state from events alone.

Knows no clock, file, database or thread. `engine.handle` decides, `Replica.apply` changes, `state` compares.
"""
