"""`/metrics`: what Prometheus is told."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer
from tests.fakes import FakeAcousticModel, speak
from tests.service.requests import error_of, wav


async def scraped(http: httpx.AsyncClient) -> dict[tuple[str, str], float]:
    """The values by name and, where there is one, priority."""
    response = await http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name.removeprefix("longwave_"), sample.labels.get("priority", "")): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_nothing_has_happened_yet(http: httpx.AsyncClient) -> None:
    values = await scraped(http)
    assert values["info", ""] == 1
    assert values["streams_max", ""] == 512
    for priority in ("live", "bulk"):
        for name in ("streams", "streams_opened_total", "steps_total", "audio_seconds_total"):
            assert values[name, priority] == 0
    for name in ("refusals_total", "failed_steps_total", "batches_total", "busy_seconds_total"):
        assert values[name, ""] == 0


async def test_a_file_and_an_open_stream_are_counted(
    http: httpx.AsyncClient, recognizer: Recognizer, model: FakeAcousticModel
) -> None:
    model.latency_s = 0.01
    with recognizer.stream(RecognitionOptions(), Priority.LIVE) as stream:
        await stream.accept(speak("ab"))
        response = await http.post("/transcribe", content=wav("hello"))
        values = await scraped(http)
        assert (values["streams", "live"], values["streams", "bulk"]) == (1, 0)
    assert (await scraped(http))["streams", "live"] == 0
    assert (values["streams_opened_total", "live"], values["streams_opened_total", "bulk"]) == (
        1,
        1,
    )
    assert values["audio_seconds_total", "live"] == pytest.approx(stream.duration_s)
    assert values["audio_seconds_total", "bulk"] == pytest.approx(response.json()["duration"])
    assert values["steps_total", "bulk"] >= 1
    num_batches = values["batches_total", ""]
    assert num_batches == len(model.batch_sizes)
    assert values["busy_seconds_total", ""] >= 0.01 * num_batches
    assert values["process_resident_memory_bytes", ""] > 1e6


async def test_refusals_and_failures_are_counted(
    http: httpx.AsyncClient, recognizer: Recognizer, model: FakeAcousticModel
) -> None:
    model.raises_at = frozenset({0, 1})
    response = await http.post("/transcribe", content=wav("hello"))
    assert error_of(response)[:2] == (500, "internal_error")
    places = [recognizer.stream(RecognitionOptions(), Priority.BULK) for _ in range(4)]
    assert (await http.post("/transcribe", content=wav("hello"))).status_code == 429
    assert (await http.get("/readyz")).status_code == 200  # which asks for no place
    values = await scraped(http)
    assert (values["streams", "bulk"], values["refusals_total", ""]) == (4, 1)
    assert values["failed_steps_total", ""] == 1
    for place in places:
        place.close()
