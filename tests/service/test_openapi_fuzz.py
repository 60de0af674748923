"""Requests of all sorts, made from the OpenAPI document: none may end in a fault of ours.

This is a short run. A long one, against a running service:

    .venv/bin/schemathesis run http://127.0.0.1:8000/openapi.json --checks not_a_server_error
"""

import asyncio
import sys
from pathlib import Path

import httpx

from tests.service.live_server import LiveServer
from tests.service.requests import check_alive
from tests.service.test_live_server import http, server

__all__ = ["http", "server"]

PATIENCE_S = 120.0


async def test_no_request_ends_in_a_server_error(
    server: LiveServer, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    fuzzing = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("run", f"http://{server.address}/openapi.json"),
        *("--checks", "not_a_server_error", "--phases", "examples,fuzzing"),
        *("--max-examples", "15", "--seed", "1", "--no-color"),
        cwd=tmp_path,  # where it keeps its notes
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    report, _ = await asyncio.wait_for(fuzzing.communicate(), PATIENCE_S)
    assert fuzzing.returncode == 0, report.decode()
    await check_alive(http)
