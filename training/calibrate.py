"""`longwave calibrate`: make a word's confidence the share of such words that are right."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine.bundle import Bundle, load_bundle
from service.engine.calibration import Calibration
from service.engine.errors import EngineError
from service.engine.onnx_acoustic import load_acoustic_model
from service.engine.options import RecognitionOptions, RuntimeOptions
from service.engine.recognizer import bundle_language_model, make_segmenter
from training.bundle_files import update_decoding
from training.conditions import Conditioner, InvalidCondition, load_noises, named_conditions
from training.heard import Heard, hear, read_words
from training.manifest import InvalidManifest, read_manifest, selected
from training.score import matched

_NUM_BINS = 10  # of the calibration error and the plot, equally wide
_MAX_KNOTS = 12
_WORDS_PER_KNOT = 40


@dataclass(frozen=True, slots=True, eq=False)
class JudgedWords:
    """N words that were recognised."""

    confidence: NDArray[np.float64]  # [N] in [0, 1]
    right: NDArray[np.float64]  # [N] 1 where the reference has the word there, else 0

    def calibrated(self, calibration: Calibration) -> "JudgedWords":
        """The same words with other confidences."""
        confidence = np.array([calibration(value) for value in self.confidence.tolist()])
        return replace(self, confidence=confidence)


def judge(segmenter: Any, heard: Sequence[Heard]) -> JudgedWords:
    """Recognise the utterances and compare with what was said."""
    confidence: list[float] = []
    right: list[bool] = []
    for utterance in heard:
        words = read_words(segmenter, utterance)
        confidence += [word.confidence for word in words]
        right += matched(utterance.utterance.text.split(), [word.text for word in words])
    return JudgedWords(np.array(confidence, np.float64), np.array(right, np.float64))


def together(sets: Iterable[JudgedWords]) -> JudgedWords:
    """The words of all sets as one."""
    chosen = list(sets)
    return JudgedWords(
        np.concatenate([words.confidence for words in chosen]),
        np.concatenate([words.right for words in chosen]),
    )


def fit(words: JudgedWords) -> Calibration:
    """The rising line through groups of as many words each, of similar confidence.

    Groups whose shares fall are joined until they rise (pool adjacent violators, Ayer et al. 1955).
    A share counts one word more that is right and one that is wrong, for small groups' sake.
    """
    ranking = np.argsort(words.confidence, kind="stable")
    num_groups = int(np.clip(len(ranking) // _WORDS_PER_KNOT, 1, _MAX_KNOTS))
    groups: list[NDArray[np.intp]] = []
    for group in np.array_split(ranking, num_groups):
        groups.append(group)
        while len(groups) > 1 and _knot(words, groups[-2], 1) >= _knot(words, groups[-1], 1):
            groups[-2:] = [np.concatenate(groups[-2:])]
    knots = [(_knot(words, group, 0), _knot(words, group, 1)) for group in groups]
    rising = [knots[0], *(b for a, b in pairwise(knots) if b[0] > a[0])]
    return Calibration(tuple(c for c, _ in rising), tuple(s for _, s in rising))


def _knot(words: JudgedWords, group: NDArray[np.intp], coordinate: int) -> float:
    if coordinate == 0:
        return round(float(words.confidence[group].mean()), 4)
    return round(float((words.right[group].sum() + 1) / (len(group) + 2)), 4)


def bins(words: JudgedWords) -> list[tuple[float, float, int]]:
    """Mean confidence, share of right words and number, of every bin that has words."""
    index = np.minimum((words.confidence * _NUM_BINS).astype(int), _NUM_BINS - 1)
    members = [index == number for number in range(_NUM_BINS)]
    return [
        (float(words.confidence[m].mean()), float(words.right[m].mean()), int(m.sum()))
        for m in members
        if m.any()
    ]


def calibration_error(words: JudgedWords) -> float:
    """Expected calibration error (Naeini et al. 2015): the bins' mean gap, by number of words."""
    gaps = sum(abs(confidence - right) * number for confidence, right, number in bins(words))
    return gaps / max(len(words.right), 1)


def run(arguments: argparse.Namespace) -> int:
    """Calibrate as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        splits = _judged_splits(arguments)
        calibration = fit(together(splits[arguments.split].values()))
        if arguments.write:
            _write(arguments.bundle, arguments.decoder, calibration)
        _report(arguments, splits, calibration)
    except (InvalidManifest, InvalidCondition, EngineError, OSError) as error:
        print(f"longwave calibrate: {error}", file=sys.stderr)
        return 2
    return 0


def _report(
    arguments: argparse.Namespace,
    splits: Mapping[str, Mapping[str, JudgedWords]],
    calibration: Calibration,
) -> None:
    """Print what came of it and draw it, if that is wanted. Raises OSError."""
    report = {
        split: {name: _described(words, calibration) for name, words in conditions.items()}
        for split, conditions in splits.items()
    }
    print(json.dumps({"decoder": arguments.decoder, "splits": report}, indent=1))
    if arguments.plot:
        from training.reliability_plot import plot_reliability

        shown = next(iter(splits[arguments.report_split or arguments.split].values()))
        plot_reliability(arguments.plot, shown, shown.calibrated(calibration))


def _described(words: JudgedWords, calibration: Calibration) -> dict[str, float]:
    return {
        "words": len(words.right),
        "right": round(float(words.right.mean()), 4),
        "ece_before": round(calibration_error(words), 4),
        "ece_after": round(calibration_error(words.calibrated(calibration)), 4),
    }


def _judged_splits(arguments: argparse.Namespace) -> dict[str, dict[str, JudgedWords]]:
    """By split and condition."""
    bundle = load_bundle(arguments.bundle)
    uncalibrated = replace(bundle, decoding=replace(bundle.decoding, calibration={}))
    options = RecognitionOptions(decoder=arguments.decoder, beam_width=arguments.beam_width)
    segmenter = make_segmenter(uncalibrated, bundle_language_model(bundle), options)
    runtime = RuntimeOptions(precision=arguments.precision, provider=arguments.provider)
    model = load_acoustic_model(bundle, runtime)
    conditioners = _conditioners(arguments, bundle.framing.sample_rate)
    utterances = read_manifest(arguments.manifest)
    judged: dict[str, dict[str, JudgedWords]] = {}
    for split in (arguments.split, arguments.report_split):
        if split is not None and split not in judged:
            members = selected(utterances, [split], arguments.corpus)
            judged[split] = {
                each.condition: judge(segmenter, hear(bundle, model, members, each))
                for each in conditioners
            }
            if not all(len(words.right) for words in judged[split].values()):
                raise InvalidManifest(f"{arguments.manifest}: no words are recognised in {split}")
    return judged


def _conditioners(arguments: argparse.Namespace, sample_rate: int) -> list[Conditioner]:
    noises = load_noises(arguments.noise, sample_rate) if arguments.noise else []
    conditions = named_conditions(arguments.condition)
    return [Conditioner(condition, sample_rate, noises) for condition in conditions]


def _write(bundle: Path, decoder: str, calibration: Calibration) -> None:
    before: Bundle = load_bundle(bundle)
    all_of_them = {**before.decoding.calibration, decoder: calibration}
    knots = {
        name: [list(pair) for pair in zip(c.confidences, c.shares, strict=True)]
        for name, c in all_of_them.items()
    }
    update_decoding(bundle, {"calibration": knots})
