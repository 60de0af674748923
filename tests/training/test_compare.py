"""`longwave compare`: with stand-ins for both recognisers, then with PocketSphinx itself."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from service.engine.load_gauge import LoadGauge
from service.engine.options import RuntimeOptions
from service.engine.recognizer import Recognizer, run_recognizer
from tests.fakes import FRAMING, FakeAcousticModel, fake_bundle, speak
from tests.training.test_corpora_command import longwave
from training import compare, pocketsphinx
from training.channel import Waveform
from training.comparison import Comparison, Row, Side, as_json, as_table
from training.manifest import Utterance, write_manifest
from training.pocketsphinx import Hypotheses, InvalidCache, NoPocketSphinx, load_pocketsphinx
from training.score import word_errors


@asynccontextmanager
async def fake_recognizer(_: Path, options: RuntimeOptions) -> AsyncIterator[Recognizer]:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), options) as recognizer:
        yield recognizer


class Listens:
    """A PocketSphinx that hears the same in everything, and counts how often it listens."""

    def __init__(self) -> None:
        self.waveforms: list[Waveform] = []

    def __call__(self, waveform: Waveform) -> str:
        self.waveforms.append(waveform)
        return "one two"


@pytest.fixture
def listens(monkeypatch: pytest.MonkeyPatch) -> Listens:
    listens = Listens()
    monkeypatch.setattr(pocketsphinx, "load_pocketsphinx", lambda: listens)
    return listens


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two utterances of audio that says its text, and an engine that hears it."""
    monkeypatch.setattr(compare, "running_recognizer", fake_recognizer)
    monkeypatch.setattr(compare, "installed_version", lambda: "5.1.1")
    monkeypatch.setattr(compare, "SAMPLE_RATE", FRAMING.sample_rate)
    utterances = []
    for index, text in enumerate(("one two", "three four")):
        audio = tmp_path / f"{index}.wav"
        soundfile.write(audio, speak(text), FRAMING.sample_rate)
        utterances.append(Utterance(audio, 1.0, text, text, "fake", "ann", "dev"))
    write_manifest(tmp_path / "manifest.jsonl", utterances)
    return tmp_path / "manifest.jsonl"


def run_command(manifest: Path, *options: str | Path) -> int:
    cache = manifest.with_name("heard.jsonl")
    words = ("--bundle", "models/fake", "--manifest", manifest, "--cache", cache)
    return longwave("compare", *words, *options)


def test_both_are_scored_on_the_same_utterances(
    manifest: Path, listens: Listens, capsys: pytest.CaptureFixture[str]
) -> None:
    report = manifest.with_name("report.json")
    assert run_command(manifest, "--json", report) == 0
    found = json.loads(report.read_text(encoding="utf-8"))
    (row,) = found["rows"]
    assert (row["corpus"], row["split"], row["condition"]) == ("fake", "dev", "clean")
    assert row["longwave"]["wer"] == 0
    assert row["pocketsphinx"]["wer"] == 0.5
    assert row["longwave"]["cpu_s_per_audio_s"] > 0
    assert len(listens.waveforms) == 2
    title = capsys.readouterr().out.splitlines()[0]
    assert "float32, greedy, live, beside pocketsphinx 5.1.1" in title


@pytest.mark.usefixtures("listens")
def test_a_slow_machine_is_no_reason_to_hear_nothing(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoadGauge, "delay_s", lambda *_: 10.0)
    report = manifest.with_name("report.json")
    assert run_command(manifest, "--json", report) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["rows"][0]["longwave"]["wer"] == 0


def test_what_was_heard_is_kept_for_the_next_model(manifest: Path, listens: Listens) -> None:
    assert run_command(manifest) == 0
    assert run_command(manifest) == 0
    assert len(listens.waveforms) == 2
    assert run_command(manifest, "--condition", "clean", "--condition", "quiet") == 0
    assert len(listens.waveforms) == 4
    assert np.abs(listens.waveforms[-1]).max() == pytest.approx(0.01, abs=1e-3)


def test_a_damaged_cache_is_named(
    manifest: Path, listens: Listens, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest.with_name("heard.jsonl").write_text('{"condition": 1}\n', encoding="utf-8")
    assert run_command(manifest) == 2
    assert "heard.jsonl:1: KeyError" in capsys.readouterr().err
    assert not listens.waveforms


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--split", "test"), "no utterance of that split"),
        (("--condition", "noise5"), "needs recordings of noise"),
        (("--lm-weight", "nan"), "lm_weight is nan"),
        (("--word-bonus", "nan"), "word_bonus is nan"),
        (("--json", "/dev/null/report"), "/dev/null"),
    ],
)
@pytest.mark.usefixtures("listens")
def test_wrong_input_is_explained(
    manifest: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert run_command(manifest, *options) == 2
    assert message in capsys.readouterr().err


def test_a_bundle_of_another_rate_is_refused(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare, "SAMPLE_RATE", FRAMING.sample_rate + 1)
    assert run_command(manifest) == 2
    assert f"the bundle hears {FRAMING.sample_rate} Hz" in capsys.readouterr().err


def test_without_the_package_the_remedy_is_named(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> pocketsphinx.Recognise:
        raise NoPocketSphinx("install longwave[compare]")

    monkeypatch.setattr(pocketsphinx, "load_pocketsphinx", missing)
    assert run_command(manifest) == 2
    assert "install longwave[compare]" in capsys.readouterr().err


def comparison() -> Comparison:
    ours = Side().with_utterance(word_errors("a cat", "a bat"), 0.01)
    theirs = Side().with_utterance(word_errors("a cat", "the bat"), 0.2)
    row = Row("books", "test", "reverb", 1.0, ours, theirs)
    return Comparison("en 1", "pocketsphinx 5.1.1", (row, replace(row, condition="clean")))


def test_table_and_json_agree() -> None:
    title, _, reverb, _ = as_table(comparison()).splitlines()
    assert title == "en 1, beside pocketsphinx 5.1.1 (PS)"
    cells = ["books", "test", "reverb", "1", "50.00", "50.0", "to", "50.0", "0.0100"]
    cells += ["100.00", "100.0", "to", "100.0", "0.2000", "0.0500"]
    assert reverb.split() == cells
    row = as_json(comparison())["rows"][0]
    assert row["longwave"]["wer"] == 0.5
    assert row["pocketsphinx"]["cpu_s_per_audio_s"] == 0.2
    assert (row["pocketsphinx"]["errors"], row["pocketsphinx"]["words"]) == (2, 2)


def test_a_cache_is_read_line_by_line(tmp_path: Path, listens: Listens) -> None:
    cache, silence = tmp_path / "deep" / "heard.jsonl", np.zeros(160, np.float32)
    hypotheses = Hypotheses(cache)
    assert hypotheses.of(Path("a.wav"), "clean", silence).hypothesis == "one two"
    with cache.open("a", encoding="utf-8") as lines:
        lines.write("broken\n")
    with pytest.raises(InvalidCache, match=r"heard\.jsonl:2: JSONDecodeError"):
        Hypotheses(cache)
    assert len(listens.waveforms) == 1


def test_pocketsphinx_itself_runs() -> None:
    if find_spec("pocketsphinx") is None:
        pytest.skip("pocketsphinx is not installed: install longwave[compare]")
    recognise = load_pocketsphinx()
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.01
    assert set(recognise(noise)) <= set("abcdefghijklmnopqrstuvwxyz' ")
