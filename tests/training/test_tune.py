"""Language models in bundles, and decoding tuned with them, through the commands."""

import argparse
import json
import lzma
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from service.engine.bundle import LANGUAGE_MODEL, Bundle, load_bundle, sha256
from service.engine.options import RuntimeOptions
from tests.fakes import FRAMING, FakeAcousticModel, speak
from tests.fakes import VOCABULARY as SYMBOLS
from tests.tiny_bundle import description, write_tiny_bundle
from training import calibrate, cli, tune
from training.manifest import Utterance, write_manifest

TEXT = ["the cat sat", "the cat ran", "a cat sat", "the dog ran"] * 5
HEARD = ["the cat sat", "thexcat ran", "a cat sat"]  # what the audio says
SAID = ["the cat sat", "the cat ran", "a cat sat"]


def longwave(*words: object) -> int:
    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers(required=True))
    arguments = parser.parse_args([str(word) for word in words])
    code = arguments.func(arguments)
    assert isinstance(code, int)
    return code


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle on disk whose acoustic model the fake one stands for."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    fields: dict[str, Any] = {"vocabulary": SYMBOLS, "chunk_frames": {"live": 8, "bulk": 128}}
    fields |= {name: getattr(FRAMING, name) for name in ("samples_per_frame", "lookahead_frames")}
    return write_tiny_bundle(folder, **fields)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt.xz"
    path.write_bytes(lzma.compress("\n".join(TEXT).encode()))
    return path


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def fake_model(_: Bundle, __: RuntimeOptions) -> FakeAcousticModel:
        return FakeAcousticModel()

    monkeypatch.setattr(tune, "load_acoustic_model", fake_model)
    monkeypatch.setattr(calibrate, "load_acoustic_model", fake_model)
    utterances = []
    for index, (heard, said) in enumerate(zip(HEARD, SAID, strict=True)):
        audio = tmp_path / f"{index}.wav"
        soundfile.write(audio, speak(heard), FRAMING.sample_rate, subtype="FLOAT")
        utterances.append(Utterance(audio, 1.0, said, said, "fake", "ann", "dev"))
    write_manifest(tmp_path / "manifest.jsonl", utterances)
    return tmp_path / "manifest.jsonl"


def build(text: Path, output: Path, *options: object) -> int:
    return longwave("lm", "--source", 1, text, "--output", output, "--order", 3, *options)


def test_a_model_is_built_and_measured(
    text: Path, tmp_path: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arpa = tmp_path / "lm.arpa"
    assert build(text, tmp_path / "lm.bin", "--manifest", manifest, "--arpa", arpa) == 0
    corpus, perplexity, unknown, words = capsys.readouterr().out.splitlines()[-1].split()
    assert (corpus, unknown, words) == ("fake", "0.00%", "9")
    assert 1 < float(perplexity) < 6
    lines = arpa.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["\\data\\", "ngram 1=9"]
    assert lines[-1] == "\\end\\"
    pairs = lines[lines.index("\\2-grams:") + 1 : lines.index("\\3-grams:") - 1]
    (the_cat,) = (line.split("\t") for line in pairs if "\tthe cat\t" in line)
    assert 0.3 < 10 ** float(the_cat[0]) < 0.4  # both it and "the dog" follow one other word


def test_a_smaller_file_has_fewer_ngrams(text: Path, tmp_path: Path) -> None:
    for name, size in (("small", 0.0004), ("large", 1.0)):
        assert build(text, tmp_path / name, "--max-mib", size) == 0
    assert (tmp_path / "small").stat().st_size < (tmp_path / "large").stat().st_size


def test_tuning_writes_what_is_best_into_the_bundle(
    text: Path, tmp_path: Path, bundle: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(text, tmp_path / "en.lm") == 0
    capsys.readouterr()
    weights = ("--lm-weights", 0.0, 1.0, "--word-bonuses", 0.0, 2.0, "--prior-weights", 0.0, 0.3)
    table = tmp_path / "deep" / "trials.json"
    command = ("tune", "--bundle", bundle, "--manifest", manifest, "--lm", tmp_path / "en.lm")
    assert longwave(*command, *weights, "--beam-widths", 16, "--write", "--json", table) == 0
    loaded = load_bundle(bundle)
    assert loaded.files[LANGUAGE_MODEL] == sha256(tmp_path / "en.lm")
    assert (loaded.decoding.decoder, loaded.decoding.beam_width) == ("beam", 16)
    assert loaded.decoding.tuned_on == "fake/dev"
    priors = np.exp(loaded.decoding.log_priors)
    assert priors.sum() == pytest.approx(1.0, abs=0.01)
    assert priors.argmax() == load_bundle(bundle).blank_id
    trials = json.loads(table.read_text(encoding="utf-8"))
    assert trials[-1]["wer"] == min(trial["wer"] for trial in trials)
    assert trials[-1]["lm_weight"] == loaded.decoding.lm_weight
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(trials)


def test_a_bundle_without_a_model_cannot_be_tuned(
    bundle: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert longwave("tune", "--bundle", bundle, "--manifest", manifest) == 2
    assert "give one with --lm" in capsys.readouterr().err


def test_a_damaged_model_leaves_the_bundle_as_it_was(
    bundle: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.lm").write_bytes(b"LWLM")
    before = (bundle / "bundle.json").read_bytes()
    command = ("tune", "--bundle", bundle, "--manifest", manifest, "--lm", tmp_path / "bad.lm")
    assert longwave(*command) == 2
    assert "no language model" in capsys.readouterr().err
    assert (bundle / "bundle.json").read_bytes() == before
    assert load_bundle(bundle).decoding.lm_weight == 0


def test_calibration_is_written_for_one_decoder(
    bundle: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "deep" / "plot.svg"
    command = ("calibrate", "--bundle", bundle, "--manifest", manifest, "--write", "--plot", plot)
    assert longwave(*command) == 0
    report = json.loads(capsys.readouterr().out)["splits"]["dev"]
    assert list(report) == ["clean"]
    assert report["clean"]["words"] == 8
    assert report["clean"]["ece_after"] <= report["clean"]["ece_before"]
    assert list(load_bundle(bundle).decoding.calibration) == ["greedy"]
    assert plot.exists()


def test_a_picture_that_cannot_be_drawn_is_refused_before_the_work(
    bundle: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        longwave("calibrate", "--bundle", bundle, "--manifest", manifest, "--plot", "plot.txt")
    assert "plot.txt must end in .png or .svg" in capsys.readouterr().err


def test_calibration_learns_from_all_conditions_together(
    bundle: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, FRAMING.sample_rate)
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise" / "hiss.wav", noise, FRAMING.sample_rate)
    command = ("calibrate", "--bundle", bundle, "--manifest", manifest, "--write")
    assert longwave(*command, "--condition", "clean") == 0
    clean = load_bundle(bundle).decoding.calibration["greedy"]
    capsys.readouterr()
    noisy = ("--condition", "clean", "--condition", "noise5", "--noise", tmp_path / "noise")
    assert longwave(*command, *noisy) == 0
    report = json.loads(capsys.readouterr().out)["splits"]["dev"]
    assert list(report) == ["clean", "noise5"]
    assert report["noise5"]["right"] < report["clean"]["right"]
    assert load_bundle(bundle).decoding.calibration["greedy"](0.9) < clean(0.9)


def test_calibration_needs_noise_for_noise(
    bundle: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("calibrate", "--bundle", bundle, "--manifest", manifest)
    assert longwave(*command, "--condition", "noise10") == 2
    assert "--noise" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (("text.txt",), "first word must be the weight"),
        ((1,), "give a weight above 0"),
        ((-1, "text.txt"), "give a weight above 0"),
        ((1, "nowhere.txt"), "nowhere.txt"),
    ],
)
def test_a_wrong_source_is_explained(
    source: Sequence[object], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert longwave("lm", "--output", tmp_path / "lm", "--source", *source) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("damage", [b"not xz", lzma.compress(b"one two")[:-1]])
def test_a_damaged_source_is_named(
    damage: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "talk.txt.xz"
    source.write_bytes(damage)
    assert longwave("lm", "--output", tmp_path / "lm", "--source", 1, source) == 2
    assert str(source) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--order", 6), ("--vocabulary-size", 70_000), ("--max-mib", 0), ("--max-mib", "nan")],
)
def test_a_wrong_size_is_explained(
    option: str, value: object, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("lm", "--source", 1, text, "--output", tmp_path / "lm", option, value)
    assert longwave(*words) == 2
    assert "must be between" in capsys.readouterr().err


def test_a_bundle_that_says_nothing_of_decoding_with_a_model_is_read(tmp_path: Path) -> None:
    assert "lm_weight" not in description("")["decoding"]
    assert load_bundle(write_tiny_bundle(tmp_path)).decoding.lm_weight == 0.0


def test_audio_is_heard_in_streaming_chunks(bundle: Path, manifest: Path) -> None:
    from training.heard import hear
    from training.manifest import read_manifest

    (first, *_) = hear(load_bundle(bundle), FakeAcousticModel(), read_manifest(manifest))
    path = first.frames.log_probs.argmax(axis=1)
    symbols = [SYMBOLS[index] for index in path[path != 0]]
    assert "".join(symbols) == HEARD[0]
    assert np.isfinite(first.frames.log_probs).all()
