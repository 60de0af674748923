"""`longwave align`: with a stand-in for PocketSphinx, then with PocketSphinx itself."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.test_shipped_model import BUNDLE, MANIFEST
from tests.training.test_corpora_command import longwave
from training import align
from training.alignments import AlignedWord, read_alignments
from training.channel import Waveform
from training.manifest import Utterance, read_manifest, write_manifest
from training.pocketsphinx import SAMPLE_RATE, Align, NoPocketSphinx, arpabet, load_aligner
from training.pronunciation import phoneme_inventory, read_lexicon
from training.recordings import read_waveform

ARPABET = """
AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH
"""
needs_pocketsphinx = pytest.mark.skipif(
    find_spec("pocketsphinx") is None, reason="pocketsphinx is not installed"
)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two recordings of a second to train on and one to test on."""
    utterances = []
    for name, text, split in (("a", "one", "train"), ("b", "zork", "train"), ("c", "one", "test")):
        audio = tmp_path / f"{name}.wav"
        soundfile.write(audio, np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
        utterances.append(Utterance(audio, 1.0, text, text, "fake", "ann", split))
    write_manifest(tmp_path / "manifest.jsonl", utterances)
    return tmp_path / "manifest.jsonl"


def knows_one(waveform: Waveform, text: str) -> list[AlignedWord]:
    duration_s = len(waveform) / SAMPLE_RATE
    return [AlignedWord("one", 0.0, duration_s)] if text == "one" else []


def test_what_can_be_aligned_is_written(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(align, "load_aligner", lambda _: knows_one)
    output = manifest.parent / "deep" / "alignments.jsonl"
    assert longwave("align", manifest, "--output", output) == 0
    assert read_alignments(output) == {manifest.parent / "a.wav": [AlignedWord("one", 0.0, 1.0)]}
    assert "1 of 2 recordings aligned" in capsys.readouterr().err


def test_without_the_package_the_remedy_is_named(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_: object) -> Align:
        raise NoPocketSphinx("install longwave[compare]")

    monkeypatch.setattr(align, "load_aligner", missing)
    assert longwave("align", manifest, "--output", manifest.parent / "alignments.jsonl") == 2
    assert "install longwave[compare]" in capsys.readouterr().err


@needs_pocketsphinx
def test_words_that_it_cannot_say_are_not_aligned() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE).astype(np.float32)
    assert load_aligner({})(noise, "zorkmid") == []
    assert load_aligner({"zorkmid": ("z", "no phoneme")})(noise, "zorkmid") == []


@needs_pocketsphinx
@pytest.mark.skipif(not MANIFEST.exists(), reason=f"no speech at {MANIFEST}")
def test_words_of_a_reader_are_found_one_after_another() -> None:
    utterance = read_manifest(MANIFEST)[0]
    waveform = read_waveform(utterance.audio, SAMPLE_RATE)
    align = load_aligner(read_lexicon(BUNDLE / "lexicon.txt"))
    found = align(waveform, utterance.text)
    assert [word.text for word in found] == utterance.text.split()
    times = [time for word in found for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert len(waveform) / SAMPLE_RATE - 1.0 < times[-1] <= len(waveform) / SAMPLE_RATE


def test_every_phoneme_of_the_shipped_lexicon_has_a_name_in_arpabet() -> None:
    names = {
        name
        for phoneme in phoneme_inventory(read_lexicon(BUNDLE / "lexicon.txt"))
        for name in arpabet((phoneme,)).split()
    }
    assert names == set(ARPABET.split())
    assert arpabet(("tS", "A@", "@L")) == "CH AA R AH L"
