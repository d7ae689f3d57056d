"""The application: the exchange lives as long as it does; errors to problems."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

import credit_trading
from credit_trading import TradingError
from examples.fastapi_host.routes import routes
from examples.wire import problem_of


def create_app(*, home: str | None = None, secret: str | None = None) -> FastAPI:
    """The exchange has to be there. What is not given, the environment says."""
    app = FastAPI(lifespan=lifespan)
    app.state.home = home or os.environ.get("CREDIT_TRADING_HOME", "database/trading")
    app.state.secret = secret or os.environ["HOST_SECRET"]
    app.include_router(routes)
    app.add_exception_handler(TradingError, answer)
    app.add_exception_handler(msgspec.DecodeError, answer)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opening may replay the journal and closing may write a checkpoint: both in a thread."""
    app.state.exchange = await to_thread.run_sync(credit_trading.open, app.state.home)
    yield
    await to_thread.run_sync(app.state.exchange.close)


async def answer(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 - FastAPI's signature
    assert isinstance(error, TradingError | msgspec.DecodeError)
    problem = problem_of(error)
    return JSONResponse(problem.body, problem.status, problem.headers, media_type="application/problem+json")
