"""`GET /healthz`, `/readyz` and `/models`: is it alive, does it take work, and with what.

Some probes ask the first two with HEAD, which FastAPI does not give to a route by itself.
"""

from fastapi import APIRouter

from service.api.dependencies import RecognizerDependency, SettingsDependency
from service.api.documentation import error_responses
from service.api.schemas import HealthResponse, ModelSchema, ModelsResponse, ReadyResponse
from service.api.warnings import runtime_warnings
from service.version import service_version

router = APIRouter(tags=["service"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> HealthResponse:
    """Answers as long as the event loop turns."""
    return HealthResponse()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Does it take work?", responses=error_responses(503))
async def readyz(recognizer: RecognizerDependency, settings: SettingsDependency) -> ReadyResponse:
    """Answers 200 while the model is loaded and runs, and says where it really runs."""
    recognizer.check_running()
    return ReadyResponse(
        version=service_version(),
        model=ModelSchema.of(recognizer.bundle),
        provider=recognizer.provider,
        precision=recognizer.precision,
        warnings=runtime_warnings(settings, recognizer),
    )


@router.get("/models", summary="Which models are there?")
async def models(recognizer: RecognizerDependency) -> ModelsResponse:
    """The models that the service has loaded."""
    return ModelsResponse(models=[ModelSchema.of(recognizer.bundle)])
