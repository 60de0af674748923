"""A corpus of one made-up utterance, and a model so small that it learns it in seconds."""

import json
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from training.alignments import AlignedWord, write_alignments
from training.config import AugmentConfig, DataConfig, OptimiserConfig, RunConfig
from training.model_config import ModelConfig

TEXT = "hello you"
SAMPLE_RATE = 16000
LETTER_S = 0.16
CORPUS = "tiny"


def spoken(text: str = TEXT) -> NDArray[np.float32]:
    """Every letter as a chord of its own, between short silences: [n] at 16 kHz."""
    time_s = np.arange(round(LETTER_S * SAMPLE_RATE)) / SAMPLE_RATE
    window = np.hanning(len(time_s))
    silence = np.zeros(SAMPLE_RATE // 4)
    pieces = [silence]
    for symbol in text:
        pitch = 200.0 + 120.0 * (ord(symbol) - ord("a")) if symbol != " " else 0.0
        chord = np.sin(2 * np.pi * pitch * time_s) + 0.5 * np.sin(4 * np.pi * pitch * time_s)
        pieces.append(0.2 * window * chord)
    noise = np.random.default_rng(0).normal(0, 1e-4, sum(map(len, pieces)) + len(silence))
    return (np.concatenate([*pieces, silence]) + noise).astype(np.float32)


def write_corpus(folder: Path) -> Path:
    """The manifest of a corpus that says TEXT four times in training and once in validation."""
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "hello.wav", spoken(), SAMPLE_RATE)
    line = {"audio_filepath": "hello.wav", "duration": len(spoken()) / SAMPLE_RATE, "text": TEXT}
    line["corpus"] = CORPUS
    lines = [json.dumps(line | {"split": split}) for split in ("train",) * 4 + ("dev",)]
    manifest = folder / "manifest.jsonl"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


def write_hello_alignments(folder: Path) -> Path:
    """When the words of the corpus of `write_corpus` are said."""
    space_s = 0.25 + LETTER_S * TEXT.index(" ")
    end_s = space_s + LETTER_S * len(TEXT.split()[1])
    words = [AlignedWord("hello", 0.25, space_s), AlignedWord("you", space_s, end_s)]
    write_alignments(folder / "alignments.jsonl", {folder / "hello.wav": words})
    return folder / "alignments.jsonl"


def tiny_config(folder: Path, epochs: int, repeats: int = 2, cell: str = "lstm") -> RunConfig:
    """A run over the corpus of `write_corpus`, with `repeats` steps an epoch."""
    return RunConfig(
        data=DataConfig(
            manifest=str(folder / "manifest.jsonl"),
            cache=str(folder / "cache"),
            batch_duration_s=4.4 * len(spoken()) / SAMPLE_RATE,  # four utterances, slowed down
            repeats={CORPUS: repeats},
        ),
        model=ModelConfig(
            cell=cell, hidden_size=48, num_layers=1, conv_channels=4, lookahead_steps=2, dropout=0.0
        ),
        augment=AugmentConfig(
            max_speed_change=0.02, min_gain_db=-3.0, max_gain_db=3.0, freq_masks=0, time_masks=0
        ),
        optimiser=OptimiserConfig(learning_rate=1e-2, warmup_steps=5, average_decay=0.9),
        epochs=epochs,
        precision="float32",
        num_threads=1,
    )
