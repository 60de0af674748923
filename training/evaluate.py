"""`longwave evaluate`: error rates and speed of a bundle, through the engine that serves it."""

import argparse
import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from service.engine.errors import EngineError
from service.engine.options import NO_DELAY_LIMIT_MS, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import running_recognizer
from training.conditions import CLEAN, Conditioner, InvalidCondition, load_noises, named_conditions
from training.evaluation import Evaluation, Group, ScoredUtterance
from training.evaluation_report import as_json, as_record, as_table
from training.json_files import write_json, write_json_lines
from training.listening import Listener, RecogniseFile
from training.manifest import InvalidManifest, Utterance, read_selected
from training.text import normalise


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to run a bundle with."""

    runtime: RuntimeOptions = field(default_factory=RuntimeOptions)
    recognition: RecognitionOptions = field(default_factory=RecognitionOptions)
    num_concurrent: int = 16  # utterances in work at once; 1 gives the speed of a lone file
    live: bool = False  # every utterance as a microphone sends it
    conditions: tuple[str, ...] = (CLEAN,)
    noise_folder: Path | None = None


def evaluate(
    bundle: Path, utterances: Sequence[Utterance], options: EvaluationOptions
) -> Evaluation:
    """Recognise `utterances` with the bundle in a folder and score them.

    Raises EngineError where the bundle cannot be run, InvalidCondition where a condition cannot be
    made, OSError where a recording is not there. An utterance that the engine refuses counts as
    recognised with no words, and carries the reason.
    """
    return asyncio.run(_evaluate(bundle, utterances, options))


async def _evaluate(
    bundle: Path, utterances: Sequence[Utterance], options: EvaluationOptions
) -> Evaluation:
    async with running_recognizer(bundle, options.runtime) as recognizer:
        sample_rate = recognizer.bundle.framing.sample_rate
        folder = options.noise_folder
        noises = load_noises(folder, sample_rate) if folder else []
        clean = Conditioner(CLEAN, sample_rate, noises)
        listener = Listener(recognizer, options.recognition, clean, options.live)
        return Evaluation(
            bundle=recognizer.bundle.name,
            version=recognizer.bundle.version,
            commit=recognizer.bundle.commit,
            provider=recognizer.provider,
            precision=recognizer.precision,
            decoder=options.recognition.decoder,
            groups=tuple(await _evaluate_conditions(listener, utterances, options)),
            live=options.live,
        )


async def _evaluate_conditions(
    clean: Listener, utterances: Sequence[Utterance], options: EvaluationOptions
) -> list[Group]:
    groups: list[Group] = []
    for listener in [clean.under(condition) for condition in options.conditions]:
        heard = await evaluate_groups(listener.recognise_file, utterances, options.num_concurrent)
        groups += [replace(group, condition=listener.conditioner.condition) for group in heard]
    return groups


async def evaluate_groups(
    recognise: RecogniseFile, utterances: Sequence[Utterance], num_concurrent: int
) -> list[Group]:
    """Score the utterances by corpus and split, one group after another so that each has a time.

    Raises OSError where a recording is not there.
    """
    members: defaultdict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        members[utterance.corpus, utterance.split].append(utterance)
    places = asyncio.Semaphore(num_concurrent)
    groups = []
    for corpus, split in sorted(members):
        started = time.perf_counter()
        scoring = (_score(recognise, utterance, places) for utterance in members[corpus, split])
        scored = tuple(await asyncio.gather(*scoring))
        groups.append(Group(corpus, split, scored, time.perf_counter() - started))
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
        utterances = read_selected(arguments.manifest, arguments.split, arguments.corpus)
        evaluation = evaluate(arguments.bundle, utterances, _options(arguments))
        print(as_table(evaluation))
        if arguments.json:
            write_json(arguments.json, as_json(evaluation))
        if arguments.utterances:
            write_json_lines(arguments.utterances, map(as_record, evaluation.worst_first()))
    except (InvalidCondition, InvalidManifest, EngineError, OSError) as error:
        print(f"longwave evaluate: {error}", file=sys.stderr)
        return 2
    return 0


def _options(arguments: argparse.Namespace) -> EvaluationOptions:
    return EvaluationOptions(
        runtime=RuntimeOptions(
            provider=arguments.provider,
            precision=arguments.precision,
            max_streams=arguments.num_concurrent,
            max_delay_ms=NO_DELAY_LIMIT_MS,  # a refusal would count as no words
        ),
        recognition=recognition_options(arguments),
        num_concurrent=arguments.num_concurrent,
        live=arguments.live,
        conditions=named_conditions(arguments.condition),
        noise_folder=arguments.noise,
    )


def recognition_options(arguments: argparse.Namespace) -> RecognitionOptions:
    """How the command line says that a bundle shall decode. Raises InvalidOption."""
    return RecognitionOptions(
        decoder=arguments.decoder,
        beam_width=arguments.beam_width,
        lm_weight=arguments.lm_weight,
        word_bonus=arguments.word_bonus,
    )
