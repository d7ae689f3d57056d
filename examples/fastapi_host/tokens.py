"""Signed tokens: they stand in for those of your identity provider.

Here: signing and checking. Never here: what a person may do. Always: nothing of a token is believed before its signature was checked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """`user_id` never changes and is never given to another person."""

    user_id: str
    email: str
    is_operator: bool = False


def signed(secret: str, identity: Identity) -> str:
    text = base64.urlsafe_b64encode(msgspec.json.encode(identity)).decode()
    return f"{text}.{_signature(secret, text)}"


def read(secret: str, token: str) -> Identity | None:
    """None for a token that was not signed with this secret."""
    text, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(secret, text).encode()):
        return None
    return msgspec.json.decode(base64.urlsafe_b64decode(text), type=Identity)


def _signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
