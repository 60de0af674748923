"""What a run needs before its first step: the corpus, the noises, the scale of the features."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training import conditions
from training.audio_dataset import BatchSource, WaveformStore, open_store
from training.channel import Waveform
from training.config import InvalidConfig, RunConfig
from training.manifest import Utterance, read_manifest
from training.model import AcousticModel
from training.splicing import Splicer

NUM_STATISTICS_UTTERANCES = 500


@dataclass(frozen=True, slots=True)
class Corpus:
    """One split of the manifest with its audio."""

    utterances: list[Utterance]
    store: WaveformStore
    source: BatchSource


def load_corpus(config: RunConfig, split: str) -> Corpus:
    """The utterances of `split` that are short enough, with their audio decoded.

    Raises InvalidConfig where there is none, InvalidManifest, InvalidAudio and OSError.
    """
    data, framing = config.data, config.model.framing
    utterances = [
        utterance
        for utterance in read_manifest(Path(data.manifest))
        if utterance.split == split and utterance.duration_s <= data.max_duration_s
    ]
    if not utterances:
        raise InvalidConfig(
            f"{data.manifest} has no utterance of split {split!r}, of at most"
            f' {data.max_duration_s:g} s: give some of its lines "split": "{split}"'
        )
    store = open_store(utterances, framing.sample_rate, Path(data.cache))
    max_batch_samples = round(data.batch_duration_s * framing.sample_rate)
    return Corpus(utterances, store, BatchSource(utterances, store, framing, max_batch_samples))


def load_noises(config: RunConfig) -> list[Waveform]:
    """All recordings below the configured folder of noise, if there is one.

    Raises InvalidConfig where it holds none, InvalidAudio and OSError.
    """
    if not config.augment.noise_folder:
        return []
    try:
        folder = Path(config.augment.noise_folder)
        return conditions.load_noises(folder, config.model.framing.sample_rate)
    except conditions.InvalidCondition as error:
        raise InvalidConfig(f"augment.noise_folder: {error}") from error


def load_splicer(config: RunConfig, corpus: Corpus) -> Splicer | None:
    """What makes new sentences of a corpus, if they are asked for.

    Raises InvalidAlignments and OSError.
    """
    if not config.augment.splice_probability:
        return None
    rate = config.model.framing.sample_rate
    return Splicer(corpus.utterances, corpus.store, config.augment, rate)


@torch.no_grad()
def set_normalisation(model: AcousticModel, store: WaveformStore, seed: int) -> None:
    """Measure mean and deviation of the log-mel bins on some of the training audio."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(store))[:NUM_STATISTICS_UTTERANCES]
    shift, tail = model.config.frontend.frame_shift, model.initial_state(1)[0]
    frames = []
    for index in chosen:
        waveform = torch.from_numpy(store[index])
        whole = waveform[: len(waveform) // shift * shift]
        frames.append(model.log_mel(whole.unsqueeze(0), tail)[0].squeeze(0))
    features = torch.cat(frames)  # [T, num_mel_bins]
    model.mean.copy_(features.mean(dim=0))
    model.inverse_std.copy_(1.0 / features.std(dim=0).clamp(min=1e-3))
