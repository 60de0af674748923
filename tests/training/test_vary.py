"""Runs that differ in one thing: their configurations, their data, and what they came to."""

from pathlib import Path

import pytest
from rich.console import Console

from scripts.vary import as_table, main, outcome, share_of_people, varied
from tests.training.tiny_run import tiny_config, write_corpus
from training.config import InvalidConfig
from training.manifest import Utterance, read_manifest


def utterance(corpus: str, speaker: str, number: int, split: str = "train") -> Utterance:
    audio = Path(f"{corpus}-{speaker}-{number}.wav")
    return Utterance(audio, 1.0, "yes", "yes", corpus, speaker, split)


PEOPLE = [utterance("many", f"s{s}", n) for s in range(10) for n in range(4)]
ONE_VOICE = [utterance("one", "s", n) for n in range(8)]
OTHERS = [utterance("synthetic", "v", 0), utterance("many", "t", 0, split="dev")]


def test_assignments_change_what_they_name_alone(tmp_path: Path) -> None:
    base = tiny_config(tmp_path, epochs=2)
    config = varied(base, "model.cell=gru,optimiser.learning_rate=0.5,epochs=3", tmp_path)
    assert (config.model.cell, config.optimiser.learning_rate, config.epochs) == ("gru", 0.5, 3)
    assert (config.data, config.augment) == (base.data, base.augment)


@pytest.mark.parametrize(
    "variation",
    ["model.size=3", "nothing.size=3", "epochs.size=3", "model.cell=3", "cell", "people=2"],
)
def test_a_variation_that_cannot_be_is_refused(variation: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig):
        varied(tiny_config(tmp_path, epochs=1), variation, tmp_path)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_share_is_of_every_corpus_of_people(share: float) -> None:
    kept = share_of_people([*PEOPLE, *ONE_VOICE, *OTHERS], "train", share)
    assert sum(each.corpus == "many" for each in kept) == 40 * share + 1  # and its dev utterance
    assert sum(each.corpus == "one" for each in kept) == 8 * share
    assert all(each in kept for each in OTHERS)


def test_less_is_part_of_more_and_keeps_whole_speakers() -> None:
    half = share_of_people(PEOPLE, "train", 0.5)
    assert len({each.speaker for each in half}) == 5
    assert set(map(str, share_of_people(PEOPLE, "train", 0.3))) <= set(map(str, half))


def test_a_run_on_half_of_the_people_takes_twice_the_epochs(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    config = varied(tiny_config(tmp_path, epochs=3), "people=0.5", tmp_path / "half")
    assert config.epochs == 6
    splits = [each.split for each in read_manifest(Path(config.data.manifest))]
    assert sorted(splits) == ["dev", "train", "train"]


def test_a_variation_is_trained_once_and_measured(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    base = tiny_config(tmp_path, epochs=1)
    first = outcome(base, "model.cell=gru", tmp_path / "runs")
    assert outcome(base, "model.cell=gru", tmp_path / "runs").validation == first.validation
    assert first.validation.words.reference_length == first.one_stream["tiny"].reference_length == 2
    assert first.cpu_ms_per_audio_s > 0
    console = Console(width=200, record=True)
    console.print(as_table({"model.cell=gru": first}))
    assert "model.cell=gru" in console.export_text()


def test_wrong_input_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "no.toml"), "--runs", str(tmp_path), "epochs=1"]) == 2
    assert "no.toml" in capsys.readouterr().err
    config = tmp_path / "run.toml"
    lexicon = f'num_phonemes = 5\n[phonemes]\nlexicon = "{tmp_path / "no.txt"}"\n'
    config.write_text(f'[data]\nmanifest = "{write_corpus(tmp_path)}"\n[model]\n{lexicon}')
    assert main([str(config), "--runs", str(tmp_path), "epochs=1"]) == 2
    assert "no.txt" in capsys.readouterr().err
