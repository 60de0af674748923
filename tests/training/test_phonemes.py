"""The second task: what it teaches, what it leaves alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.tiny_run import TEXT, spoken, tiny_config, write_corpus
from training.audio_dataset import Batch, collate
from training.checkpoint import averaged_model, load_checkpoint
from training.config import InvalidConfig, PhonemeConfig, RunConfig
from training.export import check_parity
from training.loop import Learner
from training.model import AcousticModel
from training.onnx_graph import write_float32
from training.phonemes import PhonemeTask
from training.pronunciation import write_lexicon
from training.train import LAST, train

LEXICON = {"hello": ("h", "@", "l", "oU"), "you": ("j", "u")}
NUM_PHONEMES = 7  # of the lexicon, and the blank


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    lexicon = tmp_path / "lexicon.txt"
    write_lexicon(lexicon, LEXICON)
    tiny = tiny_config(tmp_path, epochs=1)
    model = replace(tiny.model, num_layers=2, num_phonemes=NUM_PHONEMES, phoneme_layer=1)
    return replace(tiny, model=model, phonemes=PhonemeConfig(str(lexicon), weight=0.5))


def batch_of(config: RunConfig, *texts: str) -> Batch:
    return collate([spoken()] * len(texts), texts, range(len(texts)), config.model.framing)


def run_model(model: AcousticModel, batch: Batch) -> None:
    model(batch.waveforms, *model.initial_state(len(batch.waveforms)))


def test_the_loss_reaches_its_layer_and_none_above(config: RunConfig) -> None:
    model = AcousticModel(config.model)
    task = PhonemeTask(config.phonemes, model)
    batch = batch_of(config, TEXT)
    run_model(model, batch)
    torch.autograd.backward(task.loss(batch))
    reached = {name for name, weights in model.named_parameters() if weights.grad is not None}
    assert "layers.0.cell.weight_ih_l0" in reached
    assert not any(name.startswith(("layers.1.", "lookahead.", "output.")) for name in reached)


def test_the_weight_scales_the_loss(config: RunConfig) -> None:
    model = AcousticModel(config.model).eval()
    task = PhonemeTask(config.phonemes, model)
    batch = batch_of(config, TEXT)
    run_model(model, batch)
    half = task.loss(batch)
    task.weight = 1.0
    run_model(model, batch)
    assert task.loss(batch).item() == pytest.approx(2 * half.item())


def test_utterances_with_unknown_words_count_for_nothing(config: RunConfig) -> None:
    model = AcousticModel(config.model).eval()
    task = PhonemeTask(config.phonemes, model)
    losses = []
    for texts in ((TEXT,), (TEXT, "hello stranger"), ("stranger",)):
        batch = batch_of(config, *texts)
        run_model(model, batch)
        losses.append(task.loss(batch).item())
    assert losses[1] == pytest.approx(losses[0])
    assert losses[2] == 0.0


def test_learning_lowers_both_losses(config: RunConfig) -> None:
    torch.manual_seed(0)
    learner = Learner(AcousticModel(config.model), config, torch.device("cpu"))
    batch = batch_of(config, TEXT, TEXT)

    def phoneme_loss() -> float:
        assert learner.phonemes is not None
        run_model(learner.model, batch)
        return learner.phonemes.loss(batch).item()

    before = phoneme_loss()
    losses = [learner.step(batch, step, 40).loss for step in range(40)]
    assert losses[-1] < 0.5 * losses[0]
    assert phoneme_loss() < 0.5 * before


def test_a_layer_that_is_not_there_is_refused(config: RunConfig) -> None:
    with pytest.raises(ValueError, match="phoneme_layer is 3; there are 2"):
        replace(config.model, phoneme_layer=3)


@pytest.mark.parametrize("num_phonemes", [0, 6, 8])
def test_another_number_of_phonemes_is_refused(config: RunConfig, num_phonemes: int) -> None:
    model = AcousticModel(replace(config.model, num_phonemes=num_phonemes))
    with pytest.raises(InvalidConfig, match=f"num_phonemes is {num_phonemes}; .* it must be 7"):
        PhonemeTask(config.phonemes, model)


def test_the_layers_above_hear_what_was_read(config: RunConfig) -> None:
    torch.manual_seed(0)
    model = AcousticModel(config.model).eval()
    assert model.conditioning is not None
    batch = batch_of(config, TEXT)
    state = model.initial_state(1)
    before, *_ = model(batch.waveforms, *state)
    with torch.no_grad():
        model.conditioning.output.bias[1] += 10.0  # it hears one phoneme everywhere
    after, *_ = model(batch.waveforms, *state)
    assert not torch.allclose(before, after)


def test_a_run_with_phonemes_resumes_and_exports_its_conditioning(
    config: RunConfig, tmp_path: Path
) -> None:
    write_corpus(tmp_path)
    train(config, tmp_path / "run")
    first = load_checkpoint(tmp_path / "run" / LAST)
    train(replace(config, epochs=2), tmp_path / "run")
    second = load_checkpoint(tmp_path / "run" / LAST)
    assert second.progress.epoch == 2
    name = "conditioning.output.weight"
    assert not torch.equal(first.model[name], second.model[name])
    graph = tmp_path / "model.onnx"
    model = averaged_model(second)
    write_float32(model, graph)
    check_parity(model, graph)
