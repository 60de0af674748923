"""OpenAI's shape of an error, for every path below `/v1`."""

from http import HTTPStatus
from typing import Any

from service.api.errors import PublicError

_PREFIX = "/v1"

# What is wrong with these is the file, which is OpenAI's name for it.
_ABOUT_THE_FILE = {
    "audio_too_long",
    "empty_audio",
    "invalid_audio",
    "invalid_multipart",
    "upload_too_large",
}
_CODES = {"overloaded": "rate_limit_exceeded"}


def speaks_openai(path: str) -> bool:
    """Whether the answers at `path` have OpenAI's shape."""
    return path == _PREFIX or path.startswith(_PREFIX + "/")


def openai_status(status: int) -> int:
    """The status that OpenAI gives: it knows of no 422."""
    return HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else status


def openai_error(public: PublicError) -> dict[str, Any]:
    """The body of the answer to an error."""
    code = public.meaning.code
    param = "file" if code in _ABOUT_THE_FILE else public.param
    return openai_body(public.meaning.status, _CODES.get(code, code), public.message, param)


def openai_body(status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """The body of an answer with this status."""
    return {
        "error": {"message": message, "type": _type(status), "param": param, "code": code},
    }


def _type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "requests"
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return "server_error" if is_ours else "invalid_request_error"
