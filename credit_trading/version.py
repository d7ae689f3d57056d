"""Which release this is: what writes it into files, and what tells people of it, asks here."""

from __future__ import annotations

__version__ = "0.1.0"
