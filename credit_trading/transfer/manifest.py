"""What an export says of itself: schema, version, and what stands in it."""

from __future__ import annotations

import msgspec


class StoredTable(msgspec.Struct, frozen=True):
    """A file of the export: so many rows, a heading not among them."""

    name: str
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`schema` and `version` come first: whoever does not know them need not understand the rest."""

    schema: str
    version: int
    files: list[StoredTable]


class Heading(msgspec.Struct, frozen=True):
    """The part of a manifest that every version has."""

    schema: str
    version: int
