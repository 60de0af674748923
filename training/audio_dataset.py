"""Utterances as arrays: decoded once into one file, cut into batches of equal work."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from service.engine.framing import Framing
from training.augment import WaveformAugmenter
from training.channel import Waveform
from training.manifest import Utterance
from training.recordings import read_waveform
from training.text import encode

INT16_MAX = 32767.0


class WaveformStore:
    """The decoded audio of a manifest as 16-bit samples in one memory-mapped file.

    The file's name is a hash of the recordings' names and lengths, so another selection makes
    another file, and so does other speech of the same names.
    """

    def __init__(self, samples: NDArray[np.int16], offsets: NDArray[np.int64]) -> None:
        self._samples = samples
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> Waveform:
        """Waveform [n] of the manifest's utterance `index`."""
        samples = self._samples[self._offsets[index] : self._offsets[index + 1]]
        return samples.astype(np.float32) / np.float32(INT16_MAX)

    @property
    def num_samples(self) -> NDArray[np.int64]:
        """Length of every utterance."""
        return np.diff(self._offsets)


def open_store(utterances: Sequence[Utterance], sample_rate: int, cache: Path) -> WaveformStore:
    """Open the store of `utterances`, after decoding them where that was not done before."""
    recordings = (f"{each.audio} {each.duration_s:.4f}" for each in utterances)
    identity = "\n".join([str(sample_rate), *recordings])
    stem = cache / hashlib.sha256(identity.encode()).hexdigest()[:16]
    samples_path, offsets_path = stem.with_suffix(".pcm"), stem.with_suffix(".offsets.npy")
    if not offsets_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        offsets = _decode_all(utterances, sample_rate, samples_path)
        partial = offsets_path.with_suffix(".partial.npy")
        np.save(partial, offsets)
        partial.replace(offsets_path)  # last: its presence says that both are whole
    samples = np.memmap(samples_path, dtype=np.int16, mode="r")
    return WaveformStore(samples, np.load(offsets_path))


def _decode_all(utterances: Sequence[Utterance], sample_rate: int, path: Path) -> NDArray[np.int64]:
    lengths = []
    with path.open("wb") as output, ThreadPoolExecutor() as pool:
        decoded = pool.map(lambda item: read_waveform(item.audio, sample_rate), utterances)
        for waveform in decoded:
            output.write((waveform * INT16_MAX).round().astype(np.int16).tobytes())
            lengths.append(len(waveform))
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


Splice = Callable[[int, np.random.Generator], tuple[Waveform, str]]
"""What is heard and said in place of an utterance, by its position in the manifest."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Utterances of similar length, zero-padded to one that the model flushes whole."""

    waveforms: Tensor  # [B, S] float32
    num_samples: Tensor  # [B] int64, before padding
    num_frames: Tensor  # [B] int64, output frames that describe the audio
    targets: Tensor  # [sum of target_lengths] int64
    target_lengths: Tensor  # [B] int64
    indices: tuple[int, ...]  # positions in the manifest

    @property
    def duration_samples(self) -> int:
        """Samples of speech in the batch, padding left out."""
        return int(self.num_samples.sum())


def collate(
    waveforms: Sequence[Waveform], texts: Sequence[str], indices: Sequence[int], framing: Framing
) -> Batch:
    """One batch; every waveform is padded as the engine pads the last chunk of a stream."""
    num_samples = [len(waveform) for waveform in waveforms]
    padded = np.zeros((len(waveforms), framing.flushed_samples(max(num_samples))), np.float32)
    for row, waveform in zip(padded, waveforms, strict=True):
        row[: len(waveform)] = waveform
    targets = [encode(text) for text in texts]
    return Batch(
        waveforms=torch.from_numpy(padded),
        num_samples=torch.tensor(num_samples),
        num_frames=torch.tensor([framing.num_frames(count) for count in num_samples]),
        targets=torch.tensor([symbol for target in targets for symbol in target]),
        target_lengths=torch.tensor([len(target) for target in targets]),
        indices=tuple(indices),
    )


def batch_indices(
    num_samples: NDArray[np.int64], max_batch_samples: int, rng: np.random.Generator | None
) -> list[list[int]]:
    """Cut positions into batches of similar length, of at most `max_batch_samples` with padding.

    With `rng` the lengths are jittered before sorting and the batches come in random order, so
    that every epoch has other neighbours; without it, in order of length.
    """
    jitter = np.ones(len(num_samples)) if rng is None else rng.uniform(0.96, 1.04, len(num_samples))
    batches: list[list[int]] = []
    longest = 0
    for index in np.argsort(num_samples * jitter, kind="stable"):
        longest = max(longest, int(num_samples[index]))
        if not batches or longest * (len(batches[-1]) + 1) > max_batch_samples:
            batches.append([])
            longest = int(num_samples[index])
        batches[-1].append(int(index))
    if rng is not None:
        rng.shuffle(batches)
    return batches


class BatchSource:
    """The batches of a corpus, in an order and with variations that depend on the seed alone."""

    def __init__(
        self,
        utterances: Sequence[Utterance],
        store: WaveformStore,
        framing: Framing,
        max_batch_samples: int,
    ) -> None:
        self._utterances = utterances
        self._store = store
        self._framing = framing
        self._max_batch_samples = max_batch_samples

    def in_order(self) -> Iterator[Batch]:
        """All batches as they are, for validation."""
        plan = batch_indices(self._store.num_samples, self._max_batch_samples, None)
        for indices in plan:
            waveforms, texts = zip(*map(self._as_it_is, indices), strict=True)
            yield collate(waveforms, texts, indices, self._framing)

    def plan(self, seed: int, epoch: int, repeats: dict[str, int]) -> list[list[int]]:
        """The batches of an epoch as positions in the manifest; some corpora stand in it twice."""
        times = [repeats.get(utterance.corpus, 1) for utterance in self._utterances]
        chosen = np.repeat(np.arange(len(times)), times)
        rng = np.random.default_rng((seed, epoch))
        lengths = self._store.num_samples[chosen]
        plan = batch_indices(lengths, self._max_batch_samples, rng)
        return [[int(chosen[position]) for position in batch] for batch in plan]

    def varied(
        self,
        plan: Sequence[list[int]],
        first: int,
        augmenter: WaveformAugmenter,
        seeds: tuple[int, ...],
        splice: Splice | None = None,
    ) -> Iterator[Batch]:
        """The batches of `plan` from number `first`, every waveform varied.

        `splice`, if there is one, makes what is varied of an utterance's number.

        A batch depends on `seeds` and its number alone. The next one is prepared in a thread.
        """

        def prepare(number: int) -> Batch:
            indices = plan[number]
            rng = np.random.default_rng((*seeds, number))
            said = [splice(i, rng) if splice else self._as_it_is(i) for i in indices]
            waveforms, texts = zip(*said, strict=True)
            return collate(augmenter(waveforms, rng), texts, indices, self._framing)

        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = None
            for number in range(first, len(plan)):
                ahead = pool.submit(prepare, number)
                if waiting is not None:
                    yield waiting.result()
                waiting = ahead
            if waiting is not None:
                yield waiting.result()

    def _as_it_is(self, index: int) -> tuple[Waveform, str]:
        return self._store[index], self._utterances[index].text
