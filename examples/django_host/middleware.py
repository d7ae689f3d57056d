"""Around every request: whom it acts for, and errors of the exchange as problems."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse

from credit_trading import TradingError
from examples.django_host.acting import Acting
from examples.wire import problem_of


class TradingMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.acting = Acting(request)
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Anything else is Django's to handle."""
        if isinstance(error, PermissionDenied):
            return JsonResponse({"title": "not_allowed"}, status=403 if request.user.is_authenticated else 401)
        if not isinstance(error, TradingError | msgspec.DecodeError):
            return None
        problem = problem_of(error)
        return JsonResponse(
            problem.body, status=problem.status, headers=problem.headers, content_type="application/problem+json"
        )
