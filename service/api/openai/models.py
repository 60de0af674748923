"""`GET /v1/models`: the model that is served, and the names that it answers to."""

from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.api.dependencies import RecognizerDependency
from service.api.openai.documentation import error_responses
from service.api.openai.names import ALIASES, check_model
from service.engine.bundle import Bundle

router = APIRouter(prefix="/v1", tags=["OpenAI"])


class OpenAIModel(BaseModel):
    """A model under one of its names."""

    id: str = Field(examples=["en"])
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970", examples=[1763899931])
    owned_by: str = Field(description="the served model, if this is an alias of it")


class OpenAIModels(BaseModel):
    """All names that a request may use."""

    object: Literal["list"] = "list"
    data: list[OpenAIModel]


@router.get("/models", summary="Which models are there?")
async def list_models(recognizer: RecognizerDependency) -> OpenAIModels:
    """The model that the service has loaded, and its aliases."""
    bundle = recognizer.bundle
    return OpenAIModels(data=[_model(name, bundle) for name in (bundle.name, *ALIASES)])


@router.get("/models/{name:path}", summary="Is there this model?", responses=error_responses(404))
async def retrieve_model(name: str, recognizer: RecognizerDependency) -> OpenAIModel:
    """The model, if it is there."""
    check_model(name, recognizer.bundle)
    return _model(name, recognizer.bundle)


def _model(name: str, bundle: Bundle) -> OpenAIModel:
    owner = "longwave" if name == bundle.name else f"longwave: {bundle.name}"
    return OpenAIModel(id=name, created=_unix_time(bundle.created), owned_by=owner)


def _unix_time(created: str) -> int:
    """Seconds since 1970; 0 where the bundle tells no date."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return 0
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
