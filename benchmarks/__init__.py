"""What the exchange costs, measured against the least that the disk and SQLite could do it for.

Each of `a` to `m` is a module with a function that takes `Counts` and an empty folder and gives `Figure`s. Here: how it is measured and
with what it is compared. Never here: figures of a machine (docs/benchmarks.md).
Always: the two sides of a ratio are measured in turns, in one run, on one disk, and their medians are compared.
"""
