"""Errors as HTTP answers: all of one shape, but below `/v1` of OpenAI's."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response

from service.api.errors import EdgeError, PublicError, explain
from service.api.openai.errors import openai_body, openai_error, openai_status, speaks_openai
from service.api.schemas import ErrorDetail, ErrorResponse
from service.engine.errors import EngineError

_CLIENT_CLOSED_REQUEST = 499  # nginx's; nobody reads it but the log


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error that is raised below `app` in the shape that its path has."""
    app.add_exception_handler(EngineError, _known)
    app.add_exception_handler(EdgeError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)


def error_response(error: Exception, path: str) -> JSONResponse:
    """The answer to any exception at `path`, by the table in `errors.py`."""
    public = explain(error)
    status = public.meaning.status
    headers = _headers(public)
    if speaks_openai(path):
        return JSONResponse(openai_error(public), openai_status(status), headers)
    return JSONResponse(error_body(public).model_dump(), status, headers)


def _headers(public: PublicError) -> dict[str, str]:
    headers = {} if public.retry_after_s is None else {"Retry-After": str(public.retry_after_s)}
    if public.meaning.status == HTTPStatus.REQUEST_TIMEOUT:
        headers["Connection"] = "close"  # nobody waits for the rest of the body
    return headers


def error_body(public: PublicError) -> ErrorResponse:
    """The JSON that tells an error."""
    return ErrorResponse(error=ErrorDetail(code=public.meaning.code, message=public.message))


async def _known(request: Request, error: Exception) -> Response:
    return error_response(error, request.url.path)


async def _http(connection: HTTPConnection, error: Exception) -> Response:
    """Starlette's own: 404, 405 and the like."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    method = connection.scope.get("method", "WebSocket")
    message = f"{method} {connection.url.path}: {error.detail}. See /docs."
    if speaks_openai(connection.url.path):
        body = openai_body(error.status_code, code, message)
    else:
        body = ErrorResponse(error=ErrorDetail(code=code, message=message)).model_dump()
    return JSONResponse(body, error.status_code, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=_CLIENT_CLOSED_REQUEST)
