"""Django responses from values and errors: the one border where an error becomes problem+json."""

import logging
from typing import Any

import psycopg
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from monolith.common import errors
from monolith.common.rendering import to_json

JSON = "application/json"
PROBLEM = "application/problem+json"

logger = logging.getLogger(__name__)

_OVERLOAD = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
# A database that answers with one of these is there and broken, or the statement was wrong.
_OWN_FAULTS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)


def json_response(value: object, status: int = 200) -> HttpResponse:
    return raw_response(to_json(value).encode(), status)


def raw_response(body: bytes, status: int) -> HttpResponse:
    """A response from rendered JSON; an error status makes it a problem."""
    response = HttpResponse(body, JSON if status < 400 else PROBLEM, status)
    response.headers["Content-Length"] = str(len(body))
    response._has_been_logged = True  # a client's error is no log line
    return response


def problem_response(error: errors.ShopError) -> HttpResponse:
    response = raw_response(to_json(error.body()).encode(), error.status)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


def shop_error(error: Exception) -> errors.ShopError:
    """What a client is told about any exception; the unexpected is logged and says nothing."""
    if isinstance(error, errors.ShopError):
        return error
    if isinstance(error, DatabaseError | InterfaceError):
        known = _database_error(error)
        if known is not None:
            return known
    logger.exception("unexpected error", exc_info=error)
    return errors.InternalError()


def _database_error(error: Exception) -> errors.ShopError | None:
    cause = error.__cause__
    if isinstance(cause, psycopg.errors.QueryCanceled):
        return errors.DeadlineExceeded()
    if isinstance(cause, _OVERLOAD):
        return errors.Overloaded()
    if isinstance(error, IntegrityError) and isinstance(cause, psycopg.errors.ForeignKeyViolation):
        # The only reference a request can make to a row that may be gone is its token's user.
        return errors.Unauthenticated()
    if isinstance(error, OperationalError | InterfaceError) and not isinstance(cause, _OWN_FAULTS):
        logger.warning("database out of reach: %s", " ".join(str(error).split()))
        return errors.DependencyUnavailable()
    return None


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """Django's `handler404`: no such route."""
    return problem_response(errors.NotFound("No such route"))


def internal_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: an error outside every view."""
    return problem_response(errors.InternalError())
