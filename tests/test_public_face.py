"""What hosts rely on changes only when somebody says so: every public name, with its signature, stands in public_face.txt."""

from __future__ import annotations

import difflib

import pytest

import credit_trading
from tests.public_face import FILE, public_face

ACCEPT = "python -m tests.public_face"


def test_every_public_name_and_signature_is_as_it_was() -> None:
    """What differs is shown; a change that hosts notice belongs into the changelog too."""
    pinned, now = FILE.read_text(encoding="utf-8"), public_face()
    changed = difflib.unified_diff(pinned.splitlines(), now.splitlines(), "pinned", "now", n=0, lineterm="")
    assert pinned == now, "\n".join(["the public face has changed:", *changed, f"If that is meant: {ACCEPT}"])


def test_what_is_pinned_is_whole_and_nobodys_private_matter() -> None:
    """What a host cannot do without is there; nothing with an underscore in front is, and nothing that differs from run to run."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    for begins in ("credit_trading.open(", "User.orders", "Admin.databases", "BalanceRecord.held", "InvalidInput("):
        assert any(line.startswith(begins) for line in lines), begins
    assert lines == sorted(set(lines))
    assert [line for line in lines if "._" in line.replace(".__version__", "") or " at 0x" in line] == []


def test_a_new_method_a_dropped_one_and_another_signature_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(public_face().splitlines())

    def on_behalf_of(self: credit_trading.Admin, user_id: str, reason: str = "none") -> object:
        return kept(self, user_id)

    kept = credit_trading.Admin.on_behalf_of
    monkeypatch.setattr(credit_trading.User, "peek", lambda self, other: None, raising=False)
    monkeypatch.setattr(credit_trading.User, "_private", lambda self, other: None, raising=False)
    monkeypatch.setattr(credit_trading.ManualClock, "advance", None)
    monkeypatch.setattr(credit_trading.Admin, "on_behalf_of", on_behalf_of)
    after = set(public_face().splitlines())
    new, gone = after - before, before - after
    assert "User.peek(other) -> None" in new
    assert "Admin.on_behalf_of(user_id: str, reason: str = 'none') -> object" in new
    assert not any("_private" in line for line in new)
    assert "ManualClock.advance(seconds: float) -> None" in gone
