"""Steps of a batch: each is listened to by its own stream, and fails alone."""

import asyncio
import time

import numpy as np

from service.engine.batch import Completed, Job, run_isolated
from service.engine.frames import FrameReader, Frames
from service.engine.options import Priority
from service.engine.steps import Step, Stepped, StepRunner
from tests.fakes import BLANK_ID, VOCABULARY, FakeAcousticModel, silence, speak


def as_text(frames: Frames) -> str:
    return "".join(VOCABULARY[letter] for letter in frames.letters if letter)


def fail(_: Frames) -> str:
    raise ValueError("a decoder that cannot")


async def test_what_listening_makes_of_a_step_is_given_and_a_failure_is_its_own() -> None:
    model = FakeAcousticModel(latency_s=0.001)
    loop, now_s = asyncio.get_running_loop(), time.perf_counter()
    steps = [
        Step(np.concatenate([speak(text), silence(0.4)]), model.initial_state(), listen)
        for text, listen in (("abba", as_text), ("cafe", fail), ("bead", as_text))
    ]
    jobs: list[Job[Step, Stepped]] = [
        Job(step, now_s, loop.create_future(), Priority.LIVE) for step in steps
    ]
    first, failed, last = run_isolated(StepRunner(model, FrameReader(VOCABULARY, BLANK_ID)), jobs)
    assert isinstance(failed, ValueError)
    assert isinstance(first, Completed)
    assert isinstance(last, Completed)
    assert (first.result.heard, last.result.heard) == ("abba", "bead")
    assert first.result.run_s >= model.latency_s
