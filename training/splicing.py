"""New sentences out of pieces of recorded ones, so that none is learned by heart.

A recurrent network that hears the same few hours again and again learns their sentences, as a
language model would, and that helps it with no others. Cut between words and joined anew, they say
what nobody wrote. Source: Lam et al., On-the-Fly Aligned Data Augmentation for Sequence-to-Sequence
ASR (2021), which replaces words where this puts whole utterances together.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.alignments import AlignedWord, InvalidAlignments, read_alignments
from training.audio_dataset import WaveformStore
from training.channel import Waveform
from training.config import AugmentConfig
from training.manifest import Utterance

_MAX_PIECE_WORDS = 4
_FADE_S = 0.01  # at each joint
_MAX_PAUSE_S = 0.1  # that a piece keeps of the silence around it
_SAME_SPEAKER = 0.5  # share of the sentences that one speaker says
_LEVEL = 0.05  # root mean square of the recordings that pieces are from
_QUIETEST = 1e-4  # and that below which a recording counts as silence


class Splicer:
    """Sentences as long as given ones, of the same corpus's words.

    Raises InvalidAlignments, where no recording is aligned, too, and OSError.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        store: WaveformStore,
        config: AugmentConfig,
        sample_rate: int,
    ) -> None:
        self._utterances, self._store, self._sample_rate = utterances, store, sample_rate
        self._probability = config.splice_probability
        alignments = read_alignments(Path(config.alignments))
        self._words: dict[int, list[AlignedWord]] = {}
        self._by_speaker: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_corpus: defaultdict[str, list[int]] = defaultdict(list)
        for index, utterance in enumerate(utterances):
            words = alignments.get(utterance.audio, [])
            if len(words) > 1:
                self._words[index] = words
                self._by_speaker[utterance.corpus, utterance.speaker].append(index)
                self._by_corpus[utterance.corpus].append(index)
        if not self._words:
            raise InvalidAlignments(
                f"{config.alignments} has no recording that is trained on: run `longwave align` on"
                " the manifest of this run"
            )

    def __call__(self, index: int, rng: np.random.Generator) -> tuple[Waveform, str]:
        """A sentence about as long as utterance `index`, or, as chance has it, that itself."""
        utterance, whole = self._utterances[index], self._store[index]
        if rng.random() >= self._probability:
            return whole, utterance.text
        sources = self._by_corpus[utterance.corpus]
        if rng.random() < _SAME_SPEAKER:
            sources = self._by_speaker[utterance.corpus, utterance.speaker]
        joined, texts = np.zeros(0, np.float32), list[str]()
        while sources:
            piece, text = self._piece(int(rng.choice(sources)), rng)
            if len(joined) + len(piece) > len(whole):
                break
            joined = self._join(joined, piece)
            texts.append(text)
        return (joined, " ".join(texts)) if texts else (whole, utterance.text)

    def _piece(self, index: int, rng: np.random.Generator) -> tuple[Waveform, str]:
        """A few words in a row, at the level that all pieces have."""
        words, whole = self._words[index], self._store[index]
        first = int(rng.integers(len(words)))
        last = min(first + int(rng.integers(_MAX_PIECE_WORDS)), len(words) - 1)
        before_s = words[first - 1].end_s if first else 0.0
        start_s = max(words[first].start_s - _MAX_PAUSE_S, before_s)
        end_s = words[last].end_s + _MAX_PAUSE_S
        if last + 1 < len(words):
            end_s = min(end_s, words[last + 1].start_s)
        start, end = round(start_s * self._sample_rate), round(end_s * self._sample_rate)
        level = max(float(np.sqrt(np.mean(np.square(whole)))), _QUIETEST)
        piece: Waveform = whole[start:end] * np.float32(_LEVEL / level)
        return piece, " ".join(word.text for word in words[first : last + 1])

    def _join(self, before: Waveform, after: Waveform) -> Waveform:
        count = min(round(_FADE_S * self._sample_rate), len(before), len(after))
        rise = np.linspace(0.0, 1.0, count, dtype=np.float32)
        middle = before[len(before) - count :] * rise[::-1] + after[:count] * rise
        return np.concatenate([before[: len(before) - count], middle, after[count:]])
