"""The application factory: settings from the environment, errors to problems, who is signed in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import msgspec
from flask import Flask, Response, g, jsonify, session

from credit_trading import TradingError
from examples.flask_host.people import People
from examples.flask_host.trading import Trading
from examples.flask_host.views import pages
from examples.wire import problem_of


def create_app(**config: Any) -> Flask:
    """Opens the exchange, which has to be there. `config` overrides what the environment says."""
    app = Flask(__name__)
    app.config.from_mapping(
        SECRET_KEY=os.environ.get("HOST_SECRET"),
        SESSION_COOKIE_SAMESITE="Lax",
        TRADING_HOME=os.environ.get("CREDIT_TRADING_HOME", "database/trading"),
        PEOPLE=os.environ.get("HOST_PEOPLE", "people.db"),
        PASSWORD_METHOD="scrypt",
    )
    app.config.update(config)
    people = People(Path(app.config["PEOPLE"]), password_method=app.config["PASSWORD_METHOD"])
    app.extensions["people"] = people
    Trading(app)
    app.register_blueprint(pages)

    @app.before_request
    def look_who_it_is() -> None:
        g.person = people.by_id(session["user_id"]) if "user_id" in session else None

    @app.errorhandler(TradingError)
    @app.errorhandler(msgspec.DecodeError)
    def answer(error: TradingError | msgspec.DecodeError) -> Response:
        problem = problem_of(error)
        response = jsonify(problem.body)
        response.status_code, response.mimetype = problem.status, "application/problem+json"
        response.headers.update(problem.headers)
        return response

    @app.cli.command("make-operator")
    @click.argument("email")
    def make_operator(email: str) -> None:
        """Lets the person who has signed up as EMAIL deposit."""
        if not people.make_operator(email):
            raise click.ClickException(f"nobody has signed up as {email}.")

    return app
