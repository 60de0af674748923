"""The service's settings: what can be set, to what, and what holds unless told otherwise."""

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from service.engine.options import NO_DELAY_LIMIT_MS, Precision, Provider, RuntimeOptions
from service.engine.pcm import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE

_RUNTIME = RuntimeOptions()
_ORIGIN = re.compile(r"\*|https?://[^/\s]+")


class Settings(BaseModel):
    """All that can be set. Immutable; every field is `LONGWAVE_<NAME>` and `--<name>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(
        default=8000, ge=0, le=65535, description="port to listen on; 0 takes a free one"
    )
    vosk_port: int = Field(
        default=2700, ge=0, le=65535, description="port for clients of Vosk's server; 0 for none"
    )
    vosk_sample_rate: int = Field(
        default=8000,
        ge=MIN_SAMPLE_RATE,
        le=MAX_SAMPLE_RATE,
        description="Hz of audio from clients of Vosk's server that do not tell it",
    )
    model: Path = Field(default=Path("models/en"), description="folder of the model bundle")
    provider: Provider = Field(
        default=_RUNTIME.provider,
        description="where the model runs; auto takes CUDA where it is there",
    )
    require_gpu: bool = Field(
        default=_RUNTIME.require_gpu, description="do not start without a GPU"
    )
    precision: Precision = Field(
        default=_RUNTIME.precision,
        description="of the model; auto takes int8 on a CPU where the bundle has it",
    )
    workers: int = Field(
        default=_RUNTIME.num_workers, ge=1, le=64, description="batches that run at once"
    )
    max_batch_size: int = Field(
        default=_RUNTIME.max_batch_size, ge=1, le=1024, description="streams in one batch"
    )
    max_batch_audio_s: float = Field(
        default=_RUNTIME.max_batch_audio_s,
        gt=0,
        le=1e6,
        description="seconds of audio in one batch",
    )
    max_streams: int = Field(
        default=_RUNTIME.max_streams,
        ge=1,
        le=100_000,
        description="files and streams at once, and uploads at once",
    )
    max_delay_ms: float = Field(
        default=_RUNTIME.max_delay_ms,
        ge=1,
        le=NO_DELAY_LIMIT_MS,
        description="milliseconds that live steps may be late before further streams are refused",
    )
    max_upload_mb: int = Field(default=512, ge=1, le=65536, description="largest upload in MiB")
    allow_urls: bool = Field(
        default=False, description="fetch files from public URLs that clients name"
    )
    url_timeout_s: float = Field(
        default=60.0, gt=0, allow_inf_nan=False, description="seconds that such a file may take"
    )
    allow_origins: str = Field(
        default="",
        description="web pages that may call, as https://a.org,https://b.org; * for any",
    )
    max_duration_s: float = Field(
        default=4 * 3600.0,
        gt=0,
        allow_inf_nan=False,
        description="longest file or stream in seconds",
    )
    max_message_kb: int = Field(
        default=1024,
        ge=1,
        le=65536,
        description="largest WebSocket message in KiB; text may have 128 at most",
    )
    stream_idle_timeout_s: float = Field(
        default=30.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds a stream or an upload may be silent on the wire, or a client "
        "read nothing; an upload at less than 500 bytes a second ends then, too",
    )
    shutdown_timeout_s: int = Field(
        default=30,
        ge=0,
        description="seconds that files get to end when the service stops; streams end at once",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe level that is logged"
    )

    @field_validator("vosk_port", mode="before")
    @classmethod
    def _empty_is_none(cls, port: object) -> object:
        return 0 if port == "" else port

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_lower_case(cls, level: object) -> object:
        return level.lower() if isinstance(level, str) else level

    @field_validator("allow_origins")
    @classmethod
    def _are_origins(cls, origins: str) -> str:
        wrong = [origin for origin in _split(origins) if not _ORIGIN.fullmatch(origin)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is neither * nor an origin such as https://example.org")
        return origins

    @property
    def origins(self) -> list[str]:
        """Those of `allow_origins`, one by one."""
        return _split(self.allow_origins)

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1024 * 1024

    @property
    def max_message_bytes(self) -> int:
        return self.max_message_kb * 1024

    def runtime_options(self) -> RuntimeOptions:
        """The part that the engine wants to know."""
        return RuntimeOptions(
            provider=self.provider,
            precision=self.precision,
            require_gpu=self.require_gpu,
            num_workers=self.workers,
            max_batch_size=self.max_batch_size,
            max_batch_audio_s=self.max_batch_audio_s,
            max_streams=self.max_streams,
            max_delay_ms=self.max_delay_ms,
        )


def _split(origins: str) -> list[str]:
    return [origin.strip() for origin in origins.split(",") if origin.strip()]
