"""The one border where an error becomes problem+json: DRF's exception handler and Django's."""

import logging
import socket
from typing import Any

import psycopg
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions

from monolith.common import errors
from monolith.common.database import is_shedding, look_for_dead_connections
from monolith.common.faults import DropReply
from monolith.common.fields import first_fault
from monolith.common.requests import drain_body

PROBLEM = "application/problem+json"

logger = logging.getLogger(__name__)

_OF_FRAMEWORKS: dict[type[Exception], type[errors.ShopError]] = {
    exceptions.NotAuthenticated: errors.Unauthenticated,
    exceptions.AuthenticationFailed: errors.Unauthenticated,
    exceptions.PermissionDenied: errors.Forbidden,
    exceptions.MethodNotAllowed: errors.MethodNotAllowed,
    Http404: errors.NotFound,
}
_CONTENTION = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


def exception_handler(error: Exception, context: dict[str, Any]) -> JsonResponse:
    """DRF's EXCEPTION_HANDLER."""
    if isinstance(error, DropReply):
        _drop_connection(context["request"])
    else:
        drain_body(context["request"])
    return problem_response(shop_error(error))


def problem_response(error: errors.ShopError) -> JsonResponse:
    return JsonResponse(
        error.body(), status=error.status, content_type=PROBLEM, headers=dict(error.headers)
    )


def shop_error(error: Exception) -> errors.ShopError:
    """What a client is told about any exception; the unexpected is logged and says nothing."""
    if isinstance(error, errors.ShopError):
        return error
    if isinstance(error, exceptions.ValidationError):
        field, message = first_fault(error.detail)
        return errors.ValidationFailed(f"{field}: {message}", field=field, message=message)
    known = _OF_FRAMEWORKS.get(type(error))
    if known is not None:
        return known()
    if isinstance(error, DatabaseError | InterfaceError):
        told = _database_error(error)
        if told is not None:
            return told
    if not isinstance(error, DropReply):
        logger.exception("unexpected error", exc_info=error)
    return errors.InternalError()


def _database_error(error: Exception) -> errors.ShopError | None:
    cause = error.__cause__
    if isinstance(cause, psycopg.errors.QueryCanceled):
        return errors.DeadlineExceeded()
    if isinstance(cause, _CONTENTION) or is_shedding(error):
        return errors.Overloaded()
    if isinstance(error, IntegrityError) and isinstance(cause, psycopg.errors.ForeignKeyViolation):
        # The only reference a request can make to a row that may be gone is its token's user.
        return errors.Unauthenticated()
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("database out of reach: %s", " ".join(str(error).split()))
        look_for_dead_connections()
        return errors.DependencyUnavailable()
    return None


def _drop_connection(request: HttpRequest) -> None:
    """The peer sees the connection end without a byte."""
    connection = request.META.get("gunicorn.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)


def not_found(request: HttpRequest, exception: Any = None) -> JsonResponse:
    """Django's `handler404`: no such route."""
    return problem_response(errors.NotFound("No such route"))


def internal_error(request: HttpRequest) -> JsonResponse:
    """Django's `handler500`: an error outside every view."""
    return problem_response(errors.InternalError())
