"""`longwave evaluate`: error rates and speed of a bundle, through the engine that serves it."""

import argparse
import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.engine.audio import AudioLimits, decode_audio
from service.engine.errors import EngineError
from service.engine.options import RecognitionOptions, RuntimeOptions
from service.engine.recognizer import Recognizer, running_recognizer, transcribe
from training.evaluation import Evaluation, Group, ScoredUtterance
from training.evaluation_report import as_json, as_table, utterance_line
from training.manifest import InvalidManifest, Utterance, read_manifest
from training.text import normalise

RecogniseFile = Callable[[Path], Awaitable[str]]
"""The recognised text of an audio file; raises EngineError."""


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to run a bundle with."""

    runtime: RuntimeOptions = field(default_factory=RuntimeOptions)
    recognition: RecognitionOptions = field(default_factory=RecognitionOptions)
    num_concurrent: int = 16  # utterances in work at once; 1 gives the speed of a lone file


def evaluate(
    bundle: Path, utterances: Sequence[Utterance], options: EvaluationOptions
) -> Evaluation:
    """Recognise `utterances` with the bundle in a folder and score them.

    Raises EngineError where the bundle cannot be run. An utterance that the engine refuses counts
    as recognised with no words, and carries the reason.
    """
    return asyncio.run(_evaluate(bundle, utterances, options))


async def _evaluate(
    bundle: Path, utterances: Sequence[Utterance], options: EvaluationOptions
) -> Evaluation:
    async with running_recognizer(bundle, options.runtime) as recognizer:
        recognise = _file_recogniser(recognizer, options.recognition)
        groups = await evaluate_groups(recognise, utterances, options.num_concurrent)
        return Evaluation(
            bundle=recognizer.bundle.name,
            version=recognizer.bundle.version,
            commit=recognizer.bundle.commit,
            provider=recognizer.provider,
            precision=recognizer.precision,
            decoder=options.recognition.decoder,
            groups=tuple(groups),
        )


def _file_recogniser(recognizer: Recognizer, options: RecognitionOptions) -> RecogniseFile:
    sample_rate = recognizer.bundle.framing.sample_rate

    async def recognise(audio: Path) -> str:
        waveforms = decode_audio(audio, sample_rate, AudioLimits())
        return (await transcribe(recognizer, waveforms, options)).text

    return recognise


async def evaluate_groups(
    recognise: RecogniseFile, utterances: Sequence[Utterance], num_concurrent: int
) -> list[Group]:
    """Score the utterances by corpus and split, one group after another so that each has a time."""
    members: defaultdict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        members[utterance.corpus, utterance.split].append(utterance)
    places = asyncio.Semaphore(num_concurrent)
    groups = []
    for corpus, split in sorted(members):
        started = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            pending = [
                tasks.create_task(_score(recognise, utterance, places))
                for utterance in members[corpus, split]
            ]
        wall_s = time.perf_counter() - started
        groups.append(Group(corpus, split, tuple(task.result() for task in pending), wall_s))
    return groups


async def _score(
    recognise: RecogniseFile, utterance: Utterance, places: asyncio.Semaphore
) -> ScoredUtterance:
    async with places:
        try:
            hypothesis, error = normalise(await recognise(utterance.audio)), None
        except EngineError as refusal:
            hypothesis, error = "", f"{type(refusal).__name__}: {refusal}"
    return ScoredUtterance.of(utterance, hypothesis, error)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        utterances = _selected(read_manifest(arguments.manifest), arguments)
        if not utterances:
            raise InvalidManifest(f"{arguments.manifest}: no utterance of that split and corpus")
        evaluation = evaluate(arguments.bundle, utterances, _options(arguments))
    except (InvalidManifest, EngineError, OSError) as error:
        print(f"longwave evaluate: {error}", file=sys.stderr)
        return 2
    print(as_table(evaluation))
    if arguments.json:
        report = json.dumps(as_json(evaluation), indent=1)
        arguments.json.write_text(report + "\n", encoding="utf-8")
    if arguments.utterances:
        lines = (f"{utterance_line(scored)}\n" for scored in evaluation.worst_first())
        arguments.utterances.write_text("".join(lines), encoding="utf-8")
    return 0


def _selected(utterances: Sequence[Utterance], arguments: argparse.Namespace) -> list[Utterance]:
    return [
        utterance
        for utterance in utterances
        if (not arguments.split or utterance.split in arguments.split)
        and (not arguments.corpus or utterance.corpus in arguments.corpus)
    ]


def _options(arguments: argparse.Namespace) -> EvaluationOptions:
    return EvaluationOptions(
        runtime=RuntimeOptions(
            provider=arguments.provider,
            precision=arguments.precision,
            max_streams=arguments.num_concurrent,
        ),
        recognition=RecognitionOptions(
            decoder=arguments.decoder,
            beam_width=arguments.beam_width,
            lm_weight=arguments.lm_weight,
            word_bonus=arguments.word_bonus,
        ),
        num_concurrent=arguments.num_concurrent,
    )
