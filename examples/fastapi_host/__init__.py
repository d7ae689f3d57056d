"""A FastAPI host: a lifespan that holds the exchange, people known by the signed tokens of an identity provider.

    $ credit-trading --home database/trading init
    $ uvicorn --factory examples.fastapi_host:create_app --workers 2

Set HOST_SECRET and CREDIT_TRADING_HOME in the environment.
"""

from examples.fastapi_host.app import create_app

__all__ = ["create_app"]
