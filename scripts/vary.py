"""One training run for each variation of a configuration: what an idea brings on one budget.

    .venv/bin/python scripts/vary.py training/configs/cells.toml --runs .data/runs/cells \\
        model.cell=lstm model.cell=gru model.cell=rnn

A variation is one or more assignments `key=value`, joined by commas. `people=0.5` trains on half
of what every corpus of people's speech holds, whole speakers as far as they go, for as many more
epochs. A run that is there already is not trained again.

Each row has the loss and the errors on the validation split, greedy, of utterances one by one; then
of those of a corpus one after another as a single stream, whose state is never reset; and what the
float32 model costs in ONNX Runtime, 16 live streams on one core.
"""

import argparse
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from training.checkpoint import averaged_model, load_checkpoint
from training.config import InvalidConfig, RunConfig, parse_config, read_config
from training.export import LIVE_CHUNK_S
from training.loop import Validation, greedy_texts, validate
from training.manifest import Utterance, read_manifest, write_manifest
from training.model import AcousticModel
from training.onnx_graph import OnnxSteps, write_float32
from training.preparation import Corpus, load_corpus
from training.score import ErrorCounts, word_errors
from training.train import LAST, WRONG_INPUT, Diverged, train

PEOPLE = "people"
SYNTHETIC = "synthetic"  # the corpus that nobody spoke
_TIMED_STREAMS, _TIMED_S = 16, 20.48


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to."""

    audio_hours: float  # trained on, every pass counted
    num_parameters: int
    validation: Validation  # each utterance by itself
    one_stream: dict[str, ErrorCounts]  # of words, by corpus
    cpu_ms_per_audio_s: float


def main(argv: Sequence[str] | None = None) -> int:
    """Train what is missing and print the table; 2 for wrong input or a run that diverged."""
    arguments = _parser().parse_args(argv)
    try:
        base = read_config(arguments.config)
        outcomes = {
            variation: outcome(base, variation, arguments.runs)
            for variation in arguments.variations
        }
    except (*WRONG_INPUT, Diverged) as error:
        print(f"vary: {error}", file=sys.stderr)
        return 2
    Console(width=160).print(as_table(outcomes))
    return 0


def outcome(base: RunConfig, variation: str, runs: Path) -> Outcome:
    """Train the variation in a folder of its own, unless that was done, and measure it."""
    folder = runs / variation.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    config = varied(base, variation, folder)
    train(config, folder)
    checkpoint = load_checkpoint(folder / LAST)
    model = averaged_model(checkpoint)
    corpus = load_corpus(config, config.data.validation_split)
    return Outcome(
        audio_hours=checkpoint.progress.audio_s / 3600,
        num_parameters=sum(weights.numel() for weights in model.parameters()),
        validation=validate(model, corpus),
        one_stream=stream_errors(model, corpus),
        cpu_ms_per_audio_s=cpu_ms(model),
    )


def varied(base: RunConfig, variation: str, folder: Path) -> RunConfig:
    """The configuration with the variation's assignments made.

    Raises InvalidConfig for an unknown key or a value of the wrong kind, naming it.
    """
    table: dict[str, Any] = asdict(base)
    share = 1.0
    for assignment in variation.split(","):
        key, _, text = assignment.partition("=")
        value = _value(text)
        if key == PEOPLE:
            if not isinstance(value, int | float) or not 0 < value <= 1:
                raise InvalidConfig(f"{PEOPLE} is {text!r}; it must be above 0 and at most 1")
            share = value
        else:
            _assign(table, key, value)
    config = parse_config(RunConfig, table)
    if share == 1.0:
        return config
    manifest = folder / "manifest.jsonl"
    utterances = read_manifest(Path(config.data.manifest))
    write_manifest(manifest, share_of_people(utterances, config.data.train_split, share))
    return replace(
        config,
        data=replace(config.data, manifest=str(manifest)),
        epochs=round(config.epochs / share),
    )


def _assign(table: dict[str, Any], key: str, value: Any) -> None:
    """Set `section.name`; whether there is one is for `parse_config` to say."""
    *sections, name = key.split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise InvalidConfig(f"unknown key {key}; {section} is no table")
    table[name] = value


def _value(text: str) -> Any:
    """A TOML value; a word without quotes is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def share_of_people(utterances: Iterable[Utterance], split: str, share: float) -> list[Utterance]:
    """All utterances, but of the corpora of people in `split` only so much of their duration.

    A corpus keeps whole speakers in random order, the same ones every time, and of the last of
    them what there is room for: less of a corpus is always part of more of it.
    """
    kept: list[Utterance] = []
    by_corpus: defaultdict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        is_limited = utterance.split == split and utterance.corpus != SYNTHETIC
        (by_corpus[utterance.corpus] if is_limited else kept).append(utterance)
    for spoken in by_corpus.values():
        speakers = sorted({utterance.speaker for utterance in spoken})
        np.random.default_rng(0).shuffle(speakers)
        order = {speaker: position for position, speaker in enumerate(speakers)}
        room_s = share * sum(utterance.duration_s for utterance in spoken)
        for utterance in sorted(spoken, key=lambda each: order[each.speaker]):
            room_s -= utterance.duration_s
            if room_s < 0:
                break
            kept.append(utterance)
    return kept


@torch.no_grad()
def stream_errors(model: AcousticModel, corpus: Corpus) -> dict[str, ErrorCounts]:
    """Greedy word errors of each corpus, its utterances one after another in one stream."""
    framing, errors = model.config.framing, {}
    for name in sorted({utterance.corpus for utterance in corpus.utterances}):
        chosen = [i for i, each in enumerate(corpus.utterances) if each.corpus == name]
        joined = np.concatenate([corpus.store[index] for index in chosen])
        waveform = np.zeros(framing.flushed_samples(len(joined)), np.float32)
        waveform[: len(joined)] = joined
        log_probs, *_ = model(torch.from_numpy(waveform)[None], *model.initial_state(1))
        real = log_probs[:, framing.lookahead_frames :]
        num_frames = torch.tensor([framing.num_frames(len(joined))])
        reference = " ".join(corpus.utterances[index].text for index in chosen)
        errors[name] = word_errors(reference, next(iter(greedy_texts(real, num_frames))))
    return errors


def cpu_ms(model: AcousticModel) -> float:
    """CPU milliseconds of one core for a second of audio; the least of several tries."""
    framing = model.config.framing
    chunk = round(LIVE_CHUNK_S * framing.sample_rate)
    num_samples = round(_TIMED_S / LIVE_CHUNK_S) * chunk
    rng = np.random.default_rng(0)
    waveforms = rng.normal(0.0, 0.05, (_TIMED_STREAMS, num_samples)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        write_float32(model, Path(folder) / "model.onnx")
        steps = OnnxSteps(Path(folder) / "model.onnx", model)
    times_s = []
    for _ in range(5):
        started_s = time.process_time()
        steps.log_probs(waveforms, chunk)
        times_s.append(time.process_time() - started_s)
    return 1000 * min(times_s) / (_TIMED_STREAMS * num_samples / framing.sample_rate)


def as_table(outcomes: dict[str, Outcome]) -> Table:
    """A row for each variation; WER and CER in percent."""
    corpora = sorted({corpus for each in outcomes.values() for corpus in each.one_stream})
    table = Table("variation", "h of audio", "million parameters")
    for corpus in corpora:
        table.add_column(f"WER {corpus}", justify="right")
        table.add_column("as one stream", justify="right")
    table.add_column("CER", justify="right")
    table.add_column("dev loss", justify="right")
    table.add_column("ms per audio s", justify="right")
    for variation, each in outcomes.items():
        rates = [
            f"{100 * counts[corpus].rate:.1f}"
            for corpus in corpora
            for counts in (each.validation.words_by_corpus, each.one_stream)
        ]
        table.add_row(
            variation,
            f"{each.audio_hours:.0f}",
            f"{each.num_parameters / 1e6:.2f}",
            *rates,
            f"{100 * each.validation.characters.rate:.1f}",
            f"{each.validation.loss:.3f}",
            f"{each.cpu_ms_per_audio_s:.2f}",
        )
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vary")
    parser.add_argument("config", metavar="CONFIG", type=Path, help="what is varied")
    parser.add_argument("--runs", metavar="DIR", type=Path, required=True, help="the runs' folder")
    parser.add_argument("variations", metavar="KEY=VALUE[,KEY=VALUE...]", nargs="+")
    return parser


if __name__ == "__main__":
    sys.exit(main())
