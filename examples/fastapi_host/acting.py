"""Dependencies: whom a request acts for, by its token.

Here: routes get their principal here and nowhere else. Never here: a user's id from a path or a body.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from credit_trading import Admin, Exchange, User
from examples.fastapi_host import tokens
from examples.fastapi_host.tokens import Identity


def who(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]
) -> Identity:
    identity = tokens.read(request.app.state.secret, bearer.credentials) if bearer else None
    if identity is None:
        raise HTTPException(401)
    return identity


class Acting:
    """Who asks, from where, in which request. The methods look into the exchange: from a thread, not from the event loop."""

    def __init__(
        self, request: Request, identity: Annotated[Identity, Depends(who)], x_request_id: Annotated[str, Header()] = ""
    ) -> None:
        self.identity = identity
        self._exchange: Exchange = request.app.state.exchange
        self._origin = request.client.host if request.client else None
        self._request_id = x_request_id or secrets.token_hex(8)

    def user(self) -> User:
        return self._exchange.as_user(self.identity.user_id, origin=self._origin, correlation_id=self._request_id)

    def sign_up(self) -> Admin:
        return self._exchange.as_admin("sign-up", origin=self._origin, correlation_id=self._request_id)

    def operator(self) -> Admin:
        if not self.identity.is_operator:
            raise HTTPException(403)
        return self._exchange.as_admin(self.identity.user_id, origin=self._origin, correlation_id=self._request_id)
