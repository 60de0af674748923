"""What can go wrong in the engine, one class per cause. Transports map these to their codes."""


class EngineError(Exception):
    """Base of all errors that a caller can understand. The message names cause and remedy."""


class InvalidAudio(EngineError):
    """The bytes are not audio that can be decoded."""


class EmptyAudio(InvalidAudio):
    """There are no samples in it."""


class AudioTooLong(EngineError):
    """The audio is longer than the configured limit."""


class UnsupportedEncoding(EngineError):
    """The sample encoding or rate of a raw stream is not supported."""


class InvalidOption(EngineError):
    """A recognition option is unknown or out of range."""


class Overloaded(EngineError):
    """No more work is admitted at present.

    Args:
        message: what is full.
        retry_after_s: after how many seconds another try is worth it.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StreamClosed(EngineError):
    """The stream was closed, or the engine is shutting down."""


class InvalidBundle(EngineError):
    """A model bundle is missing, damaged or does not match what its description says."""


class ProviderUnavailable(EngineError):
    """The execution provider that was required is not there."""
