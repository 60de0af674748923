"""The peers in the same run, under the same load; one that is not installed is left out, loudly."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from bench.measures import Load, Row, Usage, row
from bench.processes import ServerFailed, free_port, running_server
from bench.scenarios import Bench, measure_load
from service.engine.onnx_acoustic import CPU, MODEL_FILES, chosen_precision

_POCKETSPHINX_TIMEOUT_S = 120.0
REMEDY = "pip install 'longwave[bench]'"


@dataclass(frozen=True, slots=True)
class PeerServer:
    """A server that takes the same files."""

    name: str
    module: str
    needs: str  # the package that it is made with
    num_threads: int  # of a call of the graph; 0: ONNX Runtime's default
    body: str = "wav"


PEERS = (
    PeerServer("plain FastAPI handler", "bench.peers.plain_server", "fastapi", 0),
    PeerServer("plain FastAPI handler, 1 thread", "bench.peers.plain_server", "fastapi", 1),
    PeerServer("LitServe, 1 thread", "bench.peers.litserve_server", "litserve", 1, body="json"),
)


def measure_peers(bench: Bench) -> Iterator[Row]:
    """A row a peer, under as many concurrent clients as the service had."""
    yield _pocketsphinx(bench)
    for peer in PEERS:
        if bench.is_out_of_time:
            return
        yield _server(bench, peer)


def _server(bench: Bench, peer: PeerServer) -> Row:
    if find_spec(peer.needs) is None:
        return _left_out(peer.name, peer.needs)
    options, port = bench.options, free_port()
    model_file = MODEL_FILES[chosen_precision(bench.bundle, options.runtime, CPU)]
    arguments = [str(options.model), model_file, str(peer.num_threads), str(port)]
    command = [sys.executable, "-m", peer.module, *arguments]
    log = bench.folder / f"{peer.needs}.log"
    order = bench.order("files", port, options.plan.num_file_clients, body=peer.body)
    try:
        with running_server(command, port, "/health", log) as server:
            return measure_load(server, order, f"peer: {peer.name}, files")
    except (ServerFailed, subprocess.SubprocessError) as error:
        return _failed(peer.name, str(error))


def _pocketsphinx(bench: Bench) -> Row:
    if find_spec("pocketsphinx") is None:
        return _left_out("PocketSphinx", "pocketsphinx")
    sample_rate = str(bench.bundle.framing.sample_rate)
    arguments = [str(bench.clips_file), sample_rate, str(bench.options.plan.files_s)]
    command = [sys.executable, "-m", "bench.peers.pocketsphinx_peer", *arguments]
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=_POCKETSPHINX_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _failed("PocketSphinx", f"it took more than {_POCKETSPHINX_TIMEOUT_S:g} s")
    if finished.returncode:
        return _failed("PocketSphinx", finished.stderr[-200:])
    measured = json.loads(finished.stdout)
    load = Load(audio_s=measured["audio_s"], wall_s=measured["wall_s"])
    return row("peer: PocketSphinx", 1, load, Usage(measured["cpu_s"], 0))


def _failed(name: str, cause: str) -> Row:
    return Row(f"peer: {name}", "-", 0.0, num_errors=1, note=cause)


def _left_out(name: str, package: str) -> Row:
    print(f"LEFT OUT: {name}, because {package} is not installed; {REMEDY}", file=sys.stderr)
    return Row(f"peer: {name}", "-", 0.0, note=f"LEFT OUT: {package} is not installed")
