"""`longwave tune`: how a bundle with a language model decodes a dev set best.

The acoustic model runs once, which also gives the priors of its symbols; then the set is decoded
with each setting that is tried. First all combinations of lm_weight, word_bonus and prior_weight
are, then, with the best of them, those of letter_weight and phoneme_weight if the bundle can say
words, then the cost of unknown words' letters and, last, beam widths, whose accuracy is bought with
time.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from service.engine.bundle import Bundle, load_bundle
from service.engine.errors import EngineError, InvalidBundle
from service.engine.language_model import LanguageModel
from service.engine.onnx_acoustic import load_acoustic_model
from service.engine.options import RecognitionOptions, RuntimeOptions
from service.engine.recognizer import bundle_language_model, make_segmenter
from training.bundle_files import put_language_model, update_decoding
from training.heard import Heard, hear, read_words
from training.json_files import write_json
from training.manifest import InvalidManifest, read_selected
from training.score import ErrorCounts, total, word_errors

_LEAST_PRIOR = 1e-5


@dataclass(frozen=True, slots=True)
class Setting:
    """What is tuned; the names are those of `bundle.json`."""

    lm_weight: float
    word_bonus: float
    prior_weight: float
    letter_weight: float
    phoneme_weight: float
    oov_letter_log_prob: float
    beam_width: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting and what it came to."""

    setting: Setting
    words: dict[str, ErrorCounts]  # by corpus
    decode_s: float  # CPU time for one second of audio

    @property
    def wer(self) -> float:
        """Over all corpora together."""
        return total(list(self.words.values())).rate


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that are tried; the first of those that are not used until the others are."""

    lm_weights: Sequence[float]
    word_bonuses: Sequence[float]
    prior_weights: Sequence[float]
    letter_weights: Sequence[float]
    phoneme_weights: Sequence[float]
    oov_letter_log_probs: Sequence[float]
    beam_widths: Sequence[int]


class Tuner:
    """Tries settings on one set of utterances.

    Args:
        bundle: describes the model that heard them.
        language_model: what is fused.
        heard: the set.
    """

    def __init__(
        self, bundle: Bundle, language_model: LanguageModel, heard: Sequence[Heard]
    ) -> None:
        self.log_priors = log_priors(heard, len(bundle.vocabulary))
        self._bundle = replace(
            bundle, decoding=replace(bundle.decoding, log_priors=self.log_priors)
        )
        self._language_model = language_model
        self._heard = heard
        self._duration_s = sum(h.utterance.duration_s for h in heard)

    def search(self, grid: Grid) -> list[Trial]:
        """All trials, the best last. Of equally good ones, that which was tried first."""
        sounds = list(product(grid.letter_weights, grid.phoneme_weights))
        if self._language_model.pronunciations is None:
            sounds = [(0.0, 0.0)]
        cost, width = grid.oov_letter_log_probs[0], grid.beam_widths[0]
        combinations = product(grid.lm_weights, grid.word_bonuses, grid.prior_weights)
        trials = self._try(Setting(*values, *sounds[0], cost, width) for values in combinations)
        best = _best(trials).setting
        trials += self._try(
            replace(best, letter_weight=letters, phoneme_weight=phonemes)
            for letters, phonemes in sounds[1:]
        )
        best = _best(trials).setting
        trials += self._try(
            replace(best, oov_letter_log_prob=cost) for cost in grid.oov_letter_log_probs[1:]
        )
        best = _best(trials).setting
        trials += self._try(replace(best, beam_width=width) for width in grid.beam_widths[1:])
        # The others are for the reader to weigh: a wider beam costs time with every use.
        chosen = _best([t for t in trials if t.setting.beam_width == grid.beam_widths[0]])
        return [*(trial for trial in trials if trial is not chosen), chosen]

    def _try(self, settings: Iterable[Setting]) -> list[Trial]:
        return [self.trial(setting) for setting in settings]

    def trial(self, setting: Setting) -> Trial:
        """Decode the set."""
        decoding = replace(self._bundle.decoding, **asdict(setting))
        options = RecognitionOptions(decoder="beam", beam_width=setting.beam_width)
        bundle = replace(self._bundle, decoding=decoding)
        segmenter = make_segmenter(bundle, self._language_model, options)
        counts: defaultdict[str, list[ErrorCounts]] = defaultdict(list)
        started_s = time.process_time()
        for heard in self._heard:
            text = " ".join(word.text for word in read_words(segmenter, heard))
            counts[heard.utterance.corpus].append(word_errors(heard.utterance.text, text))
        decode_s = (time.process_time() - started_s) / self._duration_s
        words = {corpus: total(found) for corpus, found in sorted(counts.items())}
        return Trial(setting, words, decode_s)


def log_priors(heard: Sequence[Heard], num_symbols: int) -> tuple[float, ...]:
    """ln of the mean posterior of each symbol, over all frames; of none less than `_LEAST_PRIOR`.

    They are as few as the symbols, so a small set gives them well enough.
    """
    letters = [utterance.frames.log_probs[:, :num_symbols] for utterance in heard]
    posteriors = np.exp(np.concatenate(letters))
    means = posteriors.mean(axis=0).clip(min=_LEAST_PRIOR)
    return tuple(round(value, 3) for value in np.log(means).tolist())


def _best(trials: Sequence[Trial]) -> Trial:
    return min(trials, key=lambda trial: trial.wer)


def run(arguments: argparse.Namespace) -> int:
    """Tune as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        if arguments.lm:
            put_language_model(arguments.bundle, arguments.lm)
        tuner, grid = _tuner(arguments), _grid(arguments)
        trials = tuner.search(grid)
        if arguments.write:
            tuned_on = f"{'+'.join(trials[-1].words)}/{arguments.split}"
            values = {
                "decoder": "beam",
                **asdict(trials[-1].setting),
                "log_priors": tuner.log_priors,
                "tuned_on": tuned_on,
            }
            update_decoding(arguments.bundle, values)
        print(as_table(trials))
        if arguments.json:
            write_json(arguments.json, [as_row(trial) for trial in trials])
    except (InvalidManifest, EngineError, OSError) as error:
        print(f"longwave tune: {error}", file=sys.stderr)
        return 2
    return 0


def _tuner(arguments: argparse.Namespace) -> Tuner:
    bundle = load_bundle(arguments.bundle)
    language_model = bundle_language_model(bundle)
    if language_model is None:
        raise InvalidBundle(f"{arguments.bundle} has no language model; give one with --lm FILE")
    utterances = read_selected(arguments.manifest, [arguments.split], arguments.corpus)
    runtime = RuntimeOptions(precision=arguments.precision, provider=arguments.provider)
    heard = hear(bundle, load_acoustic_model(bundle, runtime), utterances)
    return Tuner(bundle, language_model, heard)


def _grid(arguments: argparse.Namespace) -> Grid:
    return Grid(
        arguments.lm_weights,
        arguments.word_bonuses,
        arguments.prior_weights,
        arguments.letter_weights,
        arguments.phoneme_weights,
        arguments.oov_letter_log_probs,
        arguments.beam_widths,
    )


def as_row(trial: Trial) -> dict[str, Any]:
    """A trial in JSON."""
    rates = {corpus: round(counts.rate, 4) for corpus, counts in trial.words.items()}
    return {
        **asdict(trial.setting),
        "wer": round(trial.wer, 4),
        "wer_by_corpus": rates,
        "decode_ms_per_audio_s": round(1000 * trial.decode_s, 2),
    }


def as_table(trials: Sequence[Trial]) -> str:
    """A line for each trial, the chosen one last."""
    corpora = list(trials[0].words)
    names = (
        f"{'lm_weight':>9} {'bonus':>6} {'prior':>6} {'letters':>7} {'phonemes':>8}"
        f" {'unknown':>7} {'beam':>5}"
    )
    head = f"{names} {'WER':>7} {'ms/s':>6}"
    lines = ["".join([head, *(f" {corpus:>16}" for corpus in corpora)])]
    for trial in trials:
        setting = trial.setting
        lines.append(
            f"{setting.lm_weight:9.2f} {setting.word_bonus:6.2f}"
            f" {setting.prior_weight:6.2f} {setting.letter_weight:7.2f}"
            f" {setting.phoneme_weight:8.2f} {setting.oov_letter_log_prob:7.2f}"
            f" {setting.beam_width:5}"
            f" {trial.wer:7.2%} {1000 * trial.decode_s:6.2f}"
            + "".join(f" {trial.words[corpus].rate:16.2%}" for corpus in corpora)
        )
    return "\n".join(lines)
