"""The log says how streams end that do not end well."""

import logging

import pytest
from fastapi import FastAPI

from tests.service.websocket_driver import FINISH, START, connected


@pytest.mark.parametrize("path", ["/stream", "/vosk"])
async def test_a_bad_end_is_one_line(
    app: FastAPI, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.INFO, "service"):
        async with connected(app, path) as client:
            client.send("garbage")
            await client.events_until_close()
    [line] = [record.getMessage() for record in caplog.records if record.name.startswith("service")]
    assert line.startswith("the stream of 192.0.2.1:50000 ends with 1007 invalid_message: ")


async def test_a_client_that_leaves_is_one_line_for_those_who_debug(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "service"):
        async with connected(app) as client:
            client.send(START)
            client.leave()
            await client.dropped()
    [record] = [record for record in caplog.records if record.name.startswith("service")]
    assert record.levelno == logging.DEBUG
    assert record.getMessage() == "the client 192.0.2.1:50000 left its stream with 1006"


async def test_a_good_end_is_none(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "service"):
        async with connected(app) as client:
            client.send(START)
            client.send(FINISH)
            await client.events_until_close()
    assert [record for record in caplog.records if record.name.startswith("service")] == []
