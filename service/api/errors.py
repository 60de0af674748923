"""One table: what went wrong, to HTTP status, WebSocket close code and public text.

Errors of the engine and of this edge carry a message for the client. Any other exception is a
fault of ours: the client learns nothing of it, the log everything.
"""

from dataclasses import dataclass

from service.engine import errors as engine


class EdgeError(Exception):
    """Base of what a client can do wrong before the engine is asked. The message says what."""


class NotMultipart(EdgeError):
    """A body that calls itself multipart cannot be parsed as that, or lacks the file."""


class BodyCompressed(EdgeError):
    """The body of a request has a content encoding, as HTTP calls it."""


class UploadTooLarge(EdgeError):
    """The body of a request is larger than the configured limit."""


class InvalidParameter(EdgeError):
    """A parameter of a request below `/v1` is missing, wrong, or contradicts another one.

    Args:
        message: what is wrong with it.
        param: its name.
    """

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


class UnknownModel(InvalidParameter):
    """A request names a model that is not served."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "model")


class UrlRefused(EdgeError):
    """A URL is not one that the service may fetch."""


class UrlFailed(EdgeError):
    """What a URL names cannot be fetched."""


class InvalidMessage(EdgeError):
    """A WebSocket message is not JSON, of an unknown type, or has wrong fields."""


class UnexpectedMessage(EdgeError):
    """A WebSocket message came out of order."""


class MessageTooLarge(EdgeError):
    """A WebSocket message is larger than the configured limit."""


class ClientIdle(EdgeError):
    """A client sent or read nothing, or too little, for too long."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error means to a client."""

    code: str  # stable, for programs
    status: int  # of an HTTP answer
    close_code: int  # of a WebSocket, RFC 6455 section 7.4.1 and IANA's registry
    public_text: str | None = None  # instead of the error's own message
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class PublicError:
    """What a client is told."""

    meaning: Meaning
    message: str
    retry_after_s: int | None = None
    param: str | None = None  # of the request, that the error is about

    @property
    def is_our_fault(self) -> bool:
        """Whether the log must have what the client is not told."""
        return self.meaning is UNKNOWN

    @property
    def closing(self) -> tuple[int, str]:
        """A WebSocket's close code and reason."""
        return self.meaning.close_code, self.meaning.code


UNKNOWN = Meaning(
    "internal_error", 500, 1011, "An internal error occurred. It has been logged; please try again."
)

MEANINGS: dict[type[Exception], Meaning] = {
    engine.EmptyAudio: Meaning("empty_audio", 422, 1007),
    engine.InvalidAudio: Meaning("invalid_audio", 422, 1007),
    engine.AudioTooLong: Meaning("audio_too_long", 413, 1008),
    engine.UnsupportedEncoding: Meaning("unsupported_encoding", 422, 1003),
    engine.InvalidOption: Meaning("invalid_option", 422, 1008),
    engine.Overloaded: Meaning("overloaded", 429, 1013),
    engine.StreamClosed: Meaning(
        "unavailable", 503, 1012, "The service is shutting down or restarting.", retry_after_s=5
    ),
    NotMultipart: Meaning("invalid_multipart", 400, 1007),
    BodyCompressed: Meaning("body_compressed", 415, 1003),
    UploadTooLarge: Meaning("upload_too_large", 413, 1009),
    InvalidParameter: Meaning("invalid_value", 400, 1008),
    UnknownModel: Meaning("model_not_found", 404, 1008),
    UrlRefused: Meaning("url_refused", 422, 1008),
    UrlFailed: Meaning("url_failed", 422, 1008),
    InvalidMessage: Meaning("invalid_message", 422, 1007),
    UnexpectedMessage: Meaning("unexpected_message", 409, 1008),
    MessageTooLarge: Meaning("message_too_large", 413, 1009),
    ClientIdle: Meaning("idle_timeout", 408, 1008),
}


def explain(error: BaseException) -> PublicError:
    """The public side of any exception; the nearest class of its ancestry decides."""
    known = (MEANINGS[cls] for cls in type(error).__mro__ if cls in MEANINGS)
    meaning = next(known, UNKNOWN)
    retry_after_s = meaning.retry_after_s
    if isinstance(error, engine.Overloaded):
        retry_after_s = max(1, round(error.retry_after_s))
    param = error.param if isinstance(error, InvalidParameter) else None
    return PublicError(meaning, meaning.public_text or str(error), retry_after_s, param)
