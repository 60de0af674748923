"""Sentences made of other ones' words: they say what their text says, and nobody else's words."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.alignments import (
    AlignedWord,
    InvalidAlignments,
    read_alignments,
    write_alignments,
)
from training.audio_dataset import WaveformStore, open_store
from training.channel import Waveform
from training.config import AugmentConfig
from training.manifest import Utterance
from training.splicing import Splicer

RATE = 8000
WORD_S = 0.2
PITCHES = {"one": 500, "two": 800, "three": 1100, "four": 1400, "five": 1700, "six": 2000}
SPEAKERS = {"ann": ("one two three", "three one"), "bob": ("four five six four",)}


def hum(text: str, level: float) -> Waveform:
    """Each word as a tone of its own, [n] at RATE."""
    times = np.arange(round(WORD_S * RATE)) / RATE
    tones = [np.sin(2 * np.pi * PITCHES[word] * times) for word in text.split()]
    return (level * np.concatenate(tones)).astype(np.float32)


def heard(waveform: Waveform) -> list[str]:
    """The word of each WORD_S of the waveform, by its strongest frequency."""
    pitches = np.array(list(PITCHES.values()))
    words = []
    for start in range(0, len(waveform) - round(WORD_S * RATE) // 2, round(WORD_S * RATE)):
        middle = waveform[start : start + round(WORD_S * RATE)]
        frequency = np.abs(np.fft.rfft(middle)).argmax() * RATE / len(middle)
        words.append(list(PITCHES)[int(np.abs(pitches - frequency).argmin())])
    return words


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """What two people hum, each at a level of their own, and one that nobody has aligned."""
    made = []
    for speaker, texts in (*SPEAKERS.items(), ("eve", ("six",))):
        for text in texts:
            audio = tmp_path / f"{speaker} {text}.wav"
            soundfile.write(audio, hum(text, 0.5 if speaker == "ann" else 0.01), RATE)
            duration_s = WORD_S * len(text.split())
            made.append(Utterance(audio, duration_s, text, text, "hums", speaker, "train"))
    return made


@pytest.fixture
def store(utterances: list[Utterance], tmp_path: Path) -> WaveformStore:
    return open_store(utterances, RATE, tmp_path / "cache")


@pytest.fixture
def alignments(utterances: list[Utterance], tmp_path: Path) -> Path:
    path = tmp_path / "alignments.jsonl"
    write_alignments(path, {each.audio: aligned(each.text) for each in utterances[:-1]})
    return path


def aligned(text: str) -> list[AlignedWord]:
    return [
        AlignedWord(word, round(WORD_S * i, 2), round(WORD_S * (i + 1), 2))
        for i, word in enumerate(text.split())
    ]


def splicer(
    utterances: list[Utterance], store: WaveformStore, path: Path, probability: float
) -> Splicer:
    config = AugmentConfig(alignments=str(path), splice_probability=probability)
    return Splicer(utterances, store, config, RATE)


def test_alignments_come_back_as_they_were_written(
    alignments: Path, utterances: list[Utterance]
) -> None:
    found = read_alignments(alignments)
    assert list(found) == [utterance.audio for utterance in utterances[:-1]]
    assert found[utterances[0].audio] == aligned(utterances[0].text)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"words": []}', '{"audio_filepath": "a", "words": [1]}']
)
def test_a_line_that_is_no_alignment_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "alignments.jsonl"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(InvalidAlignments, match=f"{path}:1: "):
        read_alignments(path)


def test_sentences_say_their_texts_and_are_no_longer_than_the_utterance(
    utterances: list[Utterance], store: WaveformStore, alignments: Path
) -> None:
    splice, rng = splicer(utterances, store, alignments, 1.0), np.random.default_rng(0)
    texts = set()
    for _ in range(50):
        for index in range(3):
            waveform, text = splice(index, rng)
            assert len(waveform) <= len(store[index])
            assert heard(waveform) == text.split()
            texts.add(text)
    said = {utterance.text for utterance in utterances}
    assert len(texts - said) > 20
    assert any({"one", "four"} <= set(text.split()) for text in texts), "of two speakers"


def test_pieces_are_of_one_level(
    utterances: list[Utterance], store: WaveformStore, alignments: Path
) -> None:
    splice, rng = splicer(utterances, store, alignments, 1.0), np.random.default_rng(0)
    levels = [float(np.abs(splice(2, rng)[0]).max()) for _ in range(60)]
    assert max(levels) / min(levels) < 1.1


def test_words_within_a_piece_stay_in_their_order(
    utterances: list[Utterance], store: WaveformStore, tmp_path: Path
) -> None:
    path = tmp_path / "bob.jsonl"
    write_alignments(path, {utterances[2].audio: aligned(utterances[2].text)})
    splice, rng = splicer(utterances, store, path, 1.0), np.random.default_rng(0)
    pairs = [pair for _ in range(200) for pair in pairwise(splice(2, rng)[1].split())]
    said = set(pairwise(utterances[2].text.split()))
    assert said < set(pairs)
    assert sum(pair in said for pair in pairs) > len(pairs) / 2


def test_chance_and_what_cannot_be_cut_leave_an_utterance_as_it_is(
    utterances: list[Utterance], store: WaveformStore, alignments: Path
) -> None:
    rng = np.random.default_rng(0)
    waveform, text = splicer(utterances, store, alignments, 0.0)(0, rng)
    assert text == utterances[0].text
    np.testing.assert_array_equal(waveform, store[0])
    alone = [*utterances[:-1], replace(utterances[-1], corpus="alone")]
    assert splicer(alone, store, alignments, 1.0)(3, rng)[1] == "six"


def test_alignments_of_other_recordings_are_refused(
    utterances: list[Utterance], store: WaveformStore, alignments: Path
) -> None:
    with pytest.raises(InvalidAlignments, match="longwave align"):
        splicer(utterances[-1:], store, alignments, 1.0)


def test_the_same_seed_makes_the_same_sentence(
    utterances: list[Utterance], store: WaveformStore, alignments: Path
) -> None:
    splice = splicer(utterances, store, alignments, 0.5)
    first = [splice(index, np.random.default_rng(7)) for index in range(3)]
    again = [splice(index, np.random.default_rng(7)) for index in range(3)]
    for (waveform, text), (same_waveform, same_text) in zip(first, again, strict=True):
        assert text == same_text
        np.testing.assert_array_equal(waveform, same_waveform)
