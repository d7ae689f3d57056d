"""A Flask host: an application factory, an extension that holds the exchange, people in a database of the host's own.

    $ credit-trading --home database/trading init
    $ flask --app examples.flask_host run
    $ gunicorn --preload --workers 2 "examples.flask_host:create_app()"

Set HOST_SECRET, CREDIT_TRADING_HOME and HOST_PEOPLE in the environment.
"""

from examples.flask_host.app import create_app

__all__ = ["create_app"]
