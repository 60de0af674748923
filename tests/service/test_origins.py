"""Web pages of other origins: which of them may read what the service answers."""

import httpx
import pytest

from service.settings import Settings
from tests.service.requests import wav

PAGE = "https://page.example"
ALLOWED = "access-control-allow-origin"


async def test_no_page_may_call_unless_told(http: httpx.AsyncClient) -> None:
    response = await http.post("/transcribe", content=wav("a"), headers={"origin": PAGE})
    assert (response.status_code, ALLOWED in response.headers) == (200, False)


class TestAllowed:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"allow_origins": f"{PAGE},https://other.example"})

    @pytest.mark.parametrize(("content", "status"), [(wav("a"), 200), (b"", 422)])
    async def test_it_may_read_texts_and_errors(
        self, http: httpx.AsyncClient, content: bytes, status: int
    ) -> None:
        response = await http.post("/transcribe", content=content, headers={"origin": PAGE})
        assert (response.status_code, response.headers[ALLOWED]) == (status, PAGE)
        exposed = response.headers["access-control-expose-headers"].lower()
        assert "x-request-id" in exposed
        assert "retry-after" in exposed

    async def test_it_may_send_what_needs_to_be_asked_for(self, http: httpx.AsyncClient) -> None:
        asked = {
            "origin": PAGE,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type",
        }
        response = await http.options("/v1/audio/transcriptions", headers=asked)
        assert (response.status_code, response.headers[ALLOWED]) == (200, PAGE)

    async def test_another_may_not(self, http: httpx.AsyncClient) -> None:
        response = await http.get("/readyz", headers={"origin": "https://stranger.example"})
        assert ALLOWED not in response.headers
