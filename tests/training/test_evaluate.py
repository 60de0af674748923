"""`longwave evaluate`: scoring with a stand-in for the engine, then the engine on a fake model."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from service.engine.errors import InvalidAudio
from service.engine.load_gauge import LoadGauge
from service.engine.options import RuntimeOptions
from service.engine.recognizer import Recognizer, run_recognizer
from tests.fakes import FRAMING, FakeAcousticModel, fake_bundle, speak
from training import cli, evaluate
from training.evaluation import Evaluation, Group
from training.evaluation_report import as_json, as_record, as_table
from training.manifest import Utterance, write_manifest

HEARD = {"a": "the cat", "b": "A Bat!", "c": ""}


def utterance(name: str, text: str, corpus: str = "books", split: str = "dev") -> Utterance:
    return Utterance(Path(name), 2.0, text, text, corpus, "ann", split)


UTTERANCES = [
    utterance("a", "the cat"),
    utterance("b", "a cat"),
    utterance("c", "one two", corpus="words"),
    utterance("bad", "three", corpus="words", split="test"),
]


async def recognise(audio: Path) -> str:
    if audio.name not in HEARD:
        raise InvalidAudio("not audio")
    return HEARD[audio.name]


async def scored_groups(num_concurrent: int = 2) -> list[Group]:
    return await evaluate.evaluate_groups(recognise, UTTERANCES, num_concurrent)


async def evaluation() -> Evaluation:
    groups = tuple(await scored_groups())
    return Evaluation("en", "1", "c" * 40, "CPU", "int8", "greedy", groups)


async def test_groups_are_scored_by_corpus_and_split() -> None:
    groups = await scored_groups()
    assert [(group.corpus, group.split) for group in groups] == [
        ("books", "dev"),
        ("words", "dev"),
        ("words", "test"),
    ]
    assert [group.words.rate for group in groups] == [0.25, 1.0, 1.0]
    assert [group.words.deletions for group in groups] == [0, 2, 1]
    assert groups[0].characters.errors == 1
    assert groups[0].audio_s == 4.0
    assert groups[0].real_time_factor == groups[0].wall_s / 4.0 > 0


async def test_a_refused_utterance_counts_as_empty_and_says_why() -> None:
    refused = (await scored_groups())[2]
    assert refused.num_refused == 1
    assert refused.scored[0].hypothesis == ""
    assert refused.scored[0].error == "InvalidAudio: not audio"


async def test_no_more_than_allowed_are_in_work_at_once() -> None:
    in_work, most = 0, 0

    async def slow(_: Path) -> str:
        nonlocal in_work, most
        in_work += 1
        most = max(most, in_work)
        await asyncio.sleep(0)
        in_work -= 1
        return ""

    utterances = [utterance(str(index), "a") for index in range(10)]
    await evaluate.evaluate_groups(slow, utterances, num_concurrent=3)
    assert most == 3


async def test_splits_pool_their_corpora() -> None:
    (dev,) = (await evaluation()).splits
    assert (dev.corpus, dev.split) == ("all", "dev")
    assert dev.words.errors == 3
    assert dev.words.reference_length == 6


async def test_utterances_are_listed_worst_first() -> None:
    worst = [scored.utterance.audio.name for scored in (await evaluation()).worst_first()]
    assert worst == ["c", "bad", "b", "a"]


async def test_table_and_json_agree() -> None:
    result = await evaluation()
    table = as_table(result).splitlines()
    rows = as_json(result)
    assert len(table) == 2 + len(rows["groups"]) + len(rows["splits"]) + 1
    assert table[2].split()[:6] == ["books", "dev", "clean", "2", "0.00", "25.00"]
    assert "1 utterances were refused" in table[-1]
    assert rows["groups"][0]["wer"] == 0.25
    assert rows["groups"][0]["wer_interval_95"] == [0.0, 0.5]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


async def test_the_record_of_an_utterance_shows_reference_and_hypothesis() -> None:
    scored = (await scored_groups())[0].scored[1]
    fields = as_record(scored)
    assert (fields["reference"], fields["hypothesis"], fields["wer"]) == ("a cat", "a bat", 0.5)
    assert "error" not in fields


@asynccontextmanager
async def fake_recognizer(_: Path, options: RuntimeOptions) -> AsyncIterator[Recognizer]:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), options) as recognizer:
        yield recognizer


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two utterances of audio that says its text, and an engine that hears it."""
    monkeypatch.setattr(evaluate, "running_recognizer", fake_recognizer)
    spoken = [("one two", "one two"), ("three four", "three five")]
    utterances = []
    for index, (said, text) in enumerate(spoken):
        audio = tmp_path / f"{index}.wav"
        soundfile.write(audio, speak(said), FRAMING.sample_rate)
        utterances.append(Utterance(audio, 1.0, text, text, "fake", "ann", "dev"))
    write_manifest(tmp_path / "manifest.jsonl", utterances)
    return tmp_path / "manifest.jsonl"


def longwave_evaluate(manifest: Path, *options: str) -> int:
    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers(required=True))
    words = ["evaluate", "--bundle", "models/fake", "--manifest", str(manifest), *options]
    arguments = parser.parse_args(words)
    code = arguments.func(arguments)
    assert isinstance(code, int)
    return code


def test_command(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, lines = (manifest.parent / "deep" / name for name in ("table.json", "lines.jsonl"))
    code = longwave_evaluate(manifest, "--json", str(table), "--utterances", str(lines))
    assert code == 0
    row = capsys.readouterr().out.splitlines()[2]
    assert row.split()[:6] == ["fake", "dev", "clean", "2", "0.00", "25.00"]
    assert json.loads(table.read_text(encoding="utf-8"))["groups"][0]["substitutions"] == 1
    worst, best = map(json.loads, lines.read_text(encoding="utf-8").splitlines())
    assert (worst["reference"], worst["hypothesis"]) == ("three five", "three four")
    assert best["wer"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--split", "test"), "no utterance of that split"),
        (("--corpus", "none"), "no utterance of that split"),
        (("--beam-width", "0"), "beam_width"),
        (("--num-concurrent", "0"), "max_streams"),
        (("--condition", "underwater"), "condition 'underwater' is not one of clean, telephone"),
        (("--condition", "noise5"), "noise5 needs recordings of noise"),
    ],
)
def test_wrong_input_is_explained(
    manifest: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    assert longwave_evaluate(manifest, *options) == 2
    assert message in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_named(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert longwave_evaluate(manifest, "--json", str(manifest / "report")) == 2
    found = capsys.readouterr()
    assert "25.00" in found.out  # what was measured is told all the same
    assert "manifest.jsonl" in found.err


def test_a_recording_that_is_gone_is_named(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest.with_name("1.wav").unlink()
    assert longwave_evaluate(manifest) == 2
    assert "1.wav" in capsys.readouterr().err


def test_a_slow_machine_refuses_no_live_utterance(
    manifest: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoadGauge, "delay_s", lambda *_: 10.0)
    assert longwave_evaluate(manifest, "--live") == 0
    assert "refused" not in capsys.readouterr().out


def test_live_utterances_are_heard_alike(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, lines = manifest.with_name("table.json"), manifest.with_name("lines.jsonl")
    options = ("--live", "--json", str(table), "--utterances", str(lines))
    assert longwave_evaluate(manifest, *options) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(", live")
    assert json.loads(table.read_text(encoding="utf-8"))["live"] is True
    worst = json.loads(lines.read_text(encoding="utf-8").splitlines()[0])
    assert worst["hypothesis"] == "three four"


def test_conditions_are_rows_of_their_own(manifest: Path) -> None:
    table, noise = manifest.with_name("table.json"), manifest.with_name("noise")
    noise.mkdir()
    soundfile.write(noise / "hum.wav", np.full(8000, 0.1), 8000)
    names = ("clean", "noise10", "clean")
    conditions = [word for name in names for word in ("--condition", name)]
    options = (*conditions, "--noise", str(noise), "--json", str(table))
    assert longwave_evaluate(manifest, *options) == 0
    clean, noisy = json.loads(table.read_text(encoding="utf-8"))["groups"]
    assert (clean["condition"], noisy["condition"]) == ("clean", "noise10")
    assert clean["wer"] == 0.25
    assert noisy["wer"] > 0.25  # the stand-in for a model reads its words from the samples


async def test_splits_are_joined_within_a_condition() -> None:
    groups = await scored_groups()
    noisy = [replace(group, condition="noise5") for group in groups]
    both = replace(await evaluation(), groups=(*groups, *noisy))
    assert [(group.condition, group.split) for group in both.splits] == [
        ("clean", "dev"),
        ("noise5", "dev"),
    ]
    assert both.splits[1].words.reference_length == 6
