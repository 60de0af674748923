"""A benchmark that is told to end: nothing that it has started is left, and only it speaks."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from bench import run
from bench.clips import save_clips, synthetic_speech
from bench.generator import Order
from bench.options import BenchOptions
from bench.processes import _started
from service import cli

SAMPLE_RATE = 16000


def test_a_bench_that_is_told_to_end_leaves_its_scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    left = []

    def run_until_told(_: BenchOptions) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            left.append("the server")

    monkeypatch.setattr(run, "run_bench", run_until_told)
    before = signal.getsignal(signal.SIGTERM)
    assert cli.main(["bench"]) == 130
    assert left == ["the server"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_control_c_is_for_who_started_a_generator(tmp_path: Path) -> None:
    save_clips([synthetic_speech(0, SAMPLE_RATE, duration_s=0.2)], tmp_path / "clips.npz")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        order = Order("files", port, str(tmp_path / "clips.npz"), 1, 60.0, SAMPLE_RATE)
        with _started(order) as generator, silent.accept()[0]:
            generator.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                generator.wait(0.5)
