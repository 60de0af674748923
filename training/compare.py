"""`longwave compare`: a bundle and PocketSphinx on the same utterances, side by side."""

import argparse
import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.engine.errors import EngineError
from service.engine.options import NO_DELAY_LIMIT_MS, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import running_recognizer
from training.channel import Waveform
from training.comparison import Comparison, Row, Side, as_json, as_table
from training.conditions import CLEAN, Conditioner, InvalidCondition, load_noises, named_conditions
from training.evaluate import recognition_options
from training.json_files import write_json
from training.listening import Listener
from training.manifest import InvalidManifest, Utterance, read_selected
from training.pocketsphinx import (
    SAMPLE_RATE,
    Hypotheses,
    InvalidCache,
    NoPocketSphinx,
    installed_version,
)
from training.score import word_errors
from training.text import normalise


class NotComparable(Exception):
    """A bundle cannot be set beside PocketSphinx. The message says why."""


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """What to compare, and in which conditions."""

    runtime: RuntimeOptions
    recognition: RecognitionOptions
    conditions: tuple[str, ...]
    noise_folder: Path | None
    cache: Path


def compare(
    bundle: Path, utterances: Sequence[Utterance], options: ComparisonOptions
) -> Comparison:
    """Recognise every utterance with both, live, one after another.

    Raises EngineError, InvalidCondition, NotComparable, NoPocketSphinx, InvalidCache and OSError.
    """
    return asyncio.run(_compare(bundle, utterances, options))


async def _compare(
    bundle: Path, utterances: Sequence[Utterance], options: ComparisonOptions
) -> Comparison:
    pocketsphinx = Hypotheses(options.cache)
    noises = load_noises(options.noise_folder, SAMPLE_RATE) if options.noise_folder else []
    async with running_recognizer(bundle, options.runtime) as recognizer:
        sample_rate = recognizer.bundle.framing.sample_rate
        if sample_rate != SAMPLE_RATE:
            message = f"the bundle hears {sample_rate} Hz, PocketSphinx's model {SAMPLE_RATE} Hz"
            raise NotComparable(message)
        clean = Conditioner(CLEAN, SAMPLE_RATE, noises)
        listener = Listener(recognizer, options.recognition, clean, live=True)
        listeners = [listener.under(condition) for condition in options.conditions]
        rows = [
            await _row(group, listener, pocketsphinx)
            for listener in listeners
            for group in _grouped(utterances)
        ]
        return Comparison(
            longwave=f"{recognizer.bundle.name} {recognizer.bundle.version}, "
            f"{recognizer.precision}, {options.recognition.decoder}, live",
            pocketsphinx=f"pocketsphinx {installed_version()}",
            rows=tuple(rows),
        )


def _grouped(utterances: Sequence[Utterance]) -> list[list[Utterance]]:
    members: defaultdict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        members[utterance.corpus, utterance.split].append(utterance)
    return [members[key] for key in sorted(members)]


async def _row(group: Sequence[Utterance], listener: Listener, pocketsphinx: Hypotheses) -> Row:
    """Both on one group under one condition. Making the condition counts for neither."""
    condition = listener.conditioner.condition
    ours, theirs = Side(), Side()
    for utterance in group:
        waveform = listener.conditioner.recording(utterance.audio)
        hypothesis, cpu_s = await _timed(listener, waveform)
        ours = ours.with_utterance(word_errors(utterance.text, hypothesis), cpu_s)
        heard = pocketsphinx.of(utterance.audio, condition, waveform)
        errors = word_errors(utterance.text, heard.hypothesis)
        theirs = theirs.with_utterance(errors, heard.cpu_s)
    audio_s = sum(utterance.duration_s for utterance in group)
    return Row(group[0].corpus, group[0].split, condition, audio_s, ours, theirs)


async def _timed(listener: Listener, waveform: Waveform) -> tuple[str, float]:
    """What Longwave makes of a waveform, and the CPU seconds of all its threads."""
    started_s = time.process_time()
    try:
        text = await listener.recognise(waveform)
    except EngineError:
        text = ""
    return normalise(text), time.process_time() - started_s


def run(arguments: argparse.Namespace) -> int:
    """Compare as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        utterances = read_selected(arguments.manifest, arguments.split, arguments.corpus)
        comparison = compare(arguments.bundle, utterances, _options(arguments))
        print(as_table(comparison))
        if arguments.json:
            write_json(arguments.json, as_json(comparison))
    except (
        EngineError, InvalidCache, InvalidCondition, InvalidManifest, NoPocketSphinx,
        NotComparable, OSError,
    ) as error:  # fmt: skip
        print(f"longwave compare: {error}", file=sys.stderr)
        return 2
    return 0


def _options(arguments: argparse.Namespace) -> ComparisonOptions:
    return ComparisonOptions(
        runtime=RuntimeOptions(
            provider="cpu", precision=arguments.precision, max_delay_ms=NO_DELAY_LIMIT_MS
        ),
        recognition=recognition_options(arguments),
        conditions=named_conditions(arguments.condition),
        noise_folder=arguments.noise,
        cache=arguments.cache,
    )
