"""`longwave synthesize`: with a synthesiser that whistles, and with those that are installed."""

import shutil
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.training.test_corpora_command import longwave
from training.manifest import read_manifest
from training.synthesis import engines
from training.synthesis.corpus import (
    SAMPLE_RATE,
    Line,
    OtherCorpus,
    SynthesisFailed,
    plan,
    write_corpus,
)
from training.synthesis.engines import ENGINES, Engine, NoSynthesiser, Speech, installed_voices
from training.synthesis.voices import ENGINE_SHARES, Delivery, Voice, draw_delivery

WHISTLE_RATE = 22050


class Whistler:
    """An engine whose every word is half a second of tone; it cannot say `silence`."""

    def __init__(self) -> None:
        self.spoken: list[str] = []

    def speak(self, speeches: Sequence[Speech]) -> None:
        for speech in speeches:
            self.spoken.append(speech.text)
            if "silence" not in speech.text:
                seconds = np.arange(len(speech.text.split()) * WHISTLE_RATE // 2) / WHISTLE_RATE
                soundfile.write(speech.output, np.sin(880 * np.pi * seconds), WHISTLE_RATE)

    def engine(self) -> Engine:
        return Engine("whistle", lambda: ["low"], self.speak)


@pytest.fixture
def whistler() -> Whistler:
    return Whistler()


def lines(*texts: str) -> list[Line]:
    return plan(texts, {"espeak": ["low"]}, seed=1)


def write(folder: Path, texts: Sequence[Line], whistler: Whistler) -> Generator[int, None, None]:
    return write_corpus(folder, texts, {"espeak": whistler.engine()}, num_workers=2)


def test_a_sentence_becomes_audio_and_a_line_of_the_manifest(
    tmp_path: Path, whistler: Whistler
) -> None:
    delivery = Delivery(Voice("espeak", "low"), 1.0, 0.0, 0.88, -6.0, (0.25, 0.5))
    folder = tmp_path / "made"
    assert list(write(folder, [Line(0, "well, no", delivery)], whistler)) == [1]
    (utterance,) = read_manifest(folder / "manifest.jsonl")
    waveform, sample_rate = soundfile.read(utterance.audio)
    assert sample_rate == SAMPLE_RATE
    assert (utterance.text, utterance.raw_text) == ("well no", "well, no")
    assert (utterance.corpus, utterance.split) == ("made", "train")
    assert utterance.speaker == "espeak-low-0.88"
    assert len(waveform) / sample_rate == pytest.approx(0.75 + 1 / 0.88, abs=0.01)
    assert utterance.duration_s == pytest.approx(len(waveform) / sample_rate, abs=1e-4)
    assert 20 * np.log10(np.abs(waveform).max()) == pytest.approx(-6, abs=0.1)
    heard = np.flatnonzero(np.abs(waveform) > 0.05)
    assert heard[0] / sample_rate == pytest.approx(0.25, abs=0.01)
    spectrum = np.abs(np.fft.rfft(waveform))
    assert spectrum.argmax() * sample_rate / len(waveform) == pytest.approx(440 * 0.88, abs=2)


def test_what_cannot_be_spoken_is_left_out(tmp_path: Path, whistler: Whistler) -> None:
    list(write(tmp_path, lines("oh no", "silence now", "oh yes"), whistler))
    texts = [utterance.text for utterance in read_manifest(tmp_path / "manifest.jsonl")]
    assert texts == ["oh no", "oh yes"]


def test_a_synthesiser_that_says_nothing_stops_the_run(tmp_path: Path, whistler: Whistler) -> None:
    with pytest.raises(SynthesisFailed, match="espeak wrote none of 10 sentences"):
        list(write(tmp_path, lines(*["silence now"] * 10), whistler))
    assert not (tmp_path / "manifest.jsonl").exists()


def test_a_stopped_run_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, whistler: Whistler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.synthesis.corpus.BATCH_SIZE", 2)
    every = lines("oh one", "oh two", "oh three", "oh four", "oh five")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    list(write(whole, every, whistler))
    first = write(stopped, every, Whistler())
    next(first)
    first.close()
    assert not (stopped / "manifest.jsonl").exists()
    resumed = Whistler()
    list(write(stopped, every, resumed))
    assert "oh one" not in resumed.spoken
    assert "oh five" in resumed.spoken
    names = [path.relative_to(whole) for path in sorted(whole.rglob("*.flac"))]
    assert len(names) == len(every)
    assert [(whole / name).read_bytes() for name in names] == [
        (stopped / name).read_bytes() for name in names
    ]
    assert len(read_manifest(stopped / "manifest.jsonl")) == len(every)


def test_a_folder_of_another_run_is_refused(tmp_path: Path, whistler: Whistler) -> None:
    list(write(tmp_path, lines("oh no"), whistler))
    with pytest.raises(OtherCorpus, match="name an empty one"):
        list(write(tmp_path, lines("oh yes"), whistler))


def test_a_delivery_is_drawn_from_the_seed_and_the_number() -> None:
    voices = {"espeak": ["a", "b"], "flite": ["c"]}
    texts = [f"go {n}" for n in range(2000)]
    planned = plan(texts, voices, seed=3)
    assert planned[5] == plan(texts[:6], voices, seed=3)[5]
    assert planned[5] != plan(texts[:6], voices, seed=4)[5]
    share = sum(line.delivery.voice.engine == "flite" for line in planned) / len(planned)
    expected = ENGINE_SHARES["flite"] / (ENGINE_SHARES["flite"] + ENGINE_SHARES["espeak"])
    assert share == pytest.approx(expected, abs=0.04)


def test_a_missing_synthesiser_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: program == "flite")
    known = {
        "espeak": Engine("espeak-ng", lambda: ["x"], lambda _: None),
        "flite": Engine("flite", lambda: ["y"], lambda _: None),
    }
    assert installed_voices(known) == {"flite": ["y"]}
    with pytest.raises(NoSynthesiser, match="espeak is installed"):
        installed_voices(known, ["flite", "espeak"])
    mute = {"flite": Engine("flite", list, lambda _: None)}
    with pytest.raises(NoSynthesiser, match="no voice of flite"):
        installed_voices(mute)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--text", "a.txt"), "give a share above 0, then text files"),
        (("--text", "1"), "give a share above 0, then text files"),
        (("--text", "1", "a.txt", "--hours", "nan"), "--hours is nan"),
        (("--text", "1", "a.txt", "--workers", "0"), "--workers is 0"),
    ],
)
def test_the_command_names_what_is_wrong(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    assert longwave("synthesize", *options, "--output", tmp_path / "out") == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ENGINES)
def test_every_installed_synthesiser_speaks(name: str, tmp_path: Path) -> None:
    if not shutil.which(ENGINES[name].program):
        pytest.skip(f"{ENGINES[name].program} is not installed")
    voices = installed_voices(ENGINES, [name])
    every = voices[name][:: max(1, len(voices[name]) // 4)]
    speeches = [
        Speech("well, it's a fine day", voice, rate, 1.0, tmp_path / f"{number}-{rate}.wav")
        for number, voice in enumerate(every)
        for rate in (0.8, 1.3)
    ]
    ENGINES[name].speak(speeches)
    for slow, fast in zip(speeches[::2], speeches[1::2], strict=True):
        slow_s, fast_s = (soundfile.info(speech.output).duration for speech in (slow, fast))
        assert 0.8 < fast_s < 0.85 * slow_s < 5, slow.voice


def test_espeak_offers_accents_and_variants() -> None:
    if not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    voices = installed_voices(ENGINES, ["espeak"])["espeak"]
    assert len({voice.partition("+")[0] for voice in voices}) >= 8
    assert "en-us+f2" in voices
    assert not [voice for voice in voices if "robo" in voice.lower()]


def test_the_command_makes_a_corpus(tmp_path: Path) -> None:
    if not shutil.which("flite"):
        pytest.skip("flite is not installed")
    text, output = tmp_path / "a.txt", tmp_path / "made"
    text.write_text("".join(f"Turn to page {n}, please.\n" for n in range(40)), encoding="utf-8")
    options = ("--hours", "0.01", "--engine", "flite", "--workers", "1", "--output", output)
    assert longwave("synthesize", "--text", "1", text, *options) == 0
    utterances = read_manifest(output / "manifest.jsonl")
    hours = sum(utterance.duration_s for utterance in utterances) / 3600
    assert 0.005 < hours < 0.02
    assert {utterance.speaker.split("-")[0] for utterance in utterances} == {"flite"}
    assert longwave("synthesize", "--text", "1", text, *options) == 2  # not an empty folder


def test_a_hung_synthesiser_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_TIMEOUT_S", 0.01)
    engines._run(["sleep", "5"])
    assert not list(tmp_path.iterdir())


def test_deliveries_stay_within_what_voices_can_do() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_delivery({"flite": ["slt"]}, rng) for _ in range(500)]
    assert all(0.8 <= delivery.rate <= 1.3 for delivery in drawn)
    assert all(-24 <= delivery.level_dbfs <= -1 for delivery in drawn)
    assert len({delivery.speaker for delivery in drawn}) == 6
