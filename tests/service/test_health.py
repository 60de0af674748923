"""`/healthz`, `/readyz`, `/models` and the documentation."""

import re

import httpx
import pytest
from fastapi import FastAPI

from service.api.documentation import DESCRIPTION
from service.api.file_options import FileOptions
from service.api.stream_messages import Start
from service.app import create_app
from service.engine.options import MAX_BEAM_WIDTH, RuntimeOptions
from service.engine.recognizer import run_recognizer
from service.settings import Settings
from tests.fakes import FakeAcousticModel, fake_bundle
from tests.service.requests import error_of


async def test_healthz(http: httpx.AsyncClient) -> None:
    response = await http.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


async def test_readyz_says_what_really_runs(http: httpx.AsyncClient) -> None:
    response = await http.get("/readyz")
    body = response.json()
    assert response.status_code == 200
    assert body["model"]["name"] == "fake"
    assert body["provider"] == "CPUExecutionProvider"
    assert body["precision"] == "float32"
    assert body["warnings"] == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_head_is_as_good_as_get(http: httpx.AsyncClient, path: str) -> None:
    response, got = await http.head(path), await http.get(path)
    assert response.status_code == 200
    assert response.headers["content-length"] == got.headers["content-length"]


class TestCudaAskedForAndNotGot:
    """A GPU that is silently not used would be the worst of all."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"provider": "cuda"})

    async def test_readyz_warns(self, http: httpx.AsyncClient) -> None:
        [warning] = (await http.get("/readyz")).json()["warnings"]
        assert warning == "CUDA was asked for, but the model runs on CPUExecutionProvider."


async def test_readyz_fails_once_the_engine_has_stopped(settings: Settings) -> None:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        app = create_app(settings, recognizer)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://longwave") as http:
        response = await http.get("/readyz")
        assert error_of(response)[:2] == (503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1
        assert (await http.get("/healthz")).status_code == 200


async def test_models(http: httpx.AsyncClient) -> None:
    [model] = (await http.get("/models")).json()["models"]
    assert (model["name"], model["language"], model["sample_rate"]) == ("fake", "en", 16000)


def test_all_fields_of_a_stream_are_documented() -> None:
    missing = [name for name in Start.model_fields if name not in DESCRIPTION]
    assert missing == []


async def test_docs_are_served(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    scripts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(scripts) >= 2
    for script in scripts:  # the service's own: nothing is fetched from the web
        assert script.startswith("/")
        assert (await http.get(script)).status_code == 200


def test_the_document_has_bodies_options_errors_and_examples(app: FastAPI) -> None:
    document = app.openapi()
    transcribe = document["paths"]["/transcribe"]["post"]
    parameters = {parameter["name"]: parameter for parameter in transcribe["parameters"]}
    assert set(parameters) == set(FileOptions.model_fields)
    assert {"decoder", "beam_width"} < set(parameters)
    assert parameters["beam_width"]["schema"]["maximum"] == MAX_BEAM_WIDTH
    assert {"application/json", "text/vtt", "text/event-stream"} < set(
        transcribe["responses"]["200"]["content"]
    )
    assert "multipart/form-data" in transcribe["requestBody"]["content"]
    statuses = {"200", "400", "408", "413", "415", "422", "429", "500", "503"}
    assert set(transcribe["responses"]) == statuses
    assert "/stream" in document["info"]["description"]
    word = document["components"]["schemas"]["WordSchema"]["properties"]["word"]
    assert word["examples"] == ["hello"]
