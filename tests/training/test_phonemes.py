"""The second task: what it teaches, what it leaves alone."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
import torch

from tests.training.tiny_run import TEXT, spoken, tiny_config, write_corpus
from training.audio_dataset import Batch, collate
from training.checkpoint import averaged_model, load_checkpoint
from training.config import InvalidConfig, PhonemeConfig, RunConfig
from training.export_checks import check_parity
from training.loop import Learner, split_outputs
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


def put_out(model: AcousticModel, batch: Batch) -> torch.Tensor:
    """The phonemes that the model puts out, which runs on the batch."""
    log_probs, *_ = model(batch.waveforms, *model.initial_state(len(batch.waveforms)))
    return split_outputs(log_probs, model.config)[1]


def test_the_loss_reaches_its_layer_and_none_above(config: RunConfig) -> None:
    model = AcousticModel(config.model)
    task = PhonemeTask(config.phonemes, model)
    batch = batch_of(config, TEXT)
    torch.autograd.backward(task.loss(batch, put_out(model, batch)))
    reached = {name for name, weights in model.named_parameters() if weights.grad is not None}
    assert "layers.0.cell.weight_ih_l0" in reached
    assert not any(name.startswith(("layers.1.", "lookahead.", "output.")) for name in reached)


def test_the_weight_scales_the_loss(config: RunConfig) -> None:
    model = AcousticModel(config.model).eval()
    batch = batch_of(config, TEXT)
    losses = []
    for weight in (0.5, 1.0):
        task = PhonemeTask(replace(config.phonemes, weight=weight), model)
        losses.append(task.loss(batch, put_out(model, batch)).item())
    assert losses[1] == pytest.approx(2 * losses[0])


def test_utterances_with_unknown_words_count_for_nothing(config: RunConfig) -> None:
    model = AcousticModel(config.model).eval()
    task = PhonemeTask(config.phonemes, model)
    losses = []
    for texts in ((TEXT,), (TEXT, "hello stranger"), ("stranger",)):
        batch = batch_of(config, *texts)
        losses.append(task.loss(batch, put_out(model, batch)).item())
    assert losses[1] == pytest.approx(losses[0])
    assert losses[2] == 0.0


def test_learning_lowers_both_losses(config: RunConfig) -> None:
    torch.manual_seed(0)
    learner = Learner(AcousticModel(config.model), config, torch.device("cpu"))
    batch = batch_of(config, TEXT, TEXT)

    def phoneme_loss() -> float:
        assert learner.phonemes is not None
        return learner.phonemes.loss(batch, put_out(learner.model, batch)).item()

    before = phoneme_loss()
    losses = [learner.step(batch, step, 40).loss for step in range(40)]
    assert losses[-1] < 0.5 * losses[0]
    assert phoneme_loss() < 0.5 * before


def test_phonemes_that_are_put_out_are_taught_at_the_top(config: RunConfig) -> None:
    torch.manual_seed(0)
    model = AcousticModel(replace(config.model, phoneme_output=True))
    task = PhonemeTask(replace(config.phonemes, weight=0.0), model, [TEXT])
    batch = batch_of(config, TEXT)
    torch.autograd.backward(task.loss(batch, put_out(model, batch)))
    per_frame = model.output.weight.grad
    assert per_frame is not None
    gradients = torch.unflatten(per_frame, 0, (config.model.frames_per_step, -1))
    gradients = gradients.abs().sum(dim=(0, 2))
    assert (gradients[: config.model.vocabulary_size] == 0).all()
    assert (gradients[config.model.vocabulary_size :] > 0).all()


def test_the_denominator_makes_it_a_crf(config: RunConfig) -> None:
    torch.manual_seed(0)
    model = AcousticModel(replace(config.model, phoneme_output=True)).eval()
    batch = batch_of(config, TEXT)
    losses = []
    for weight in (0.0, 0.5, 1.0):
        phonemes = replace(config.phonemes, weight=0.0, denominator_weight=weight)
        task = PhonemeTask(phonemes, model, [TEXT])
        losses.append(task.loss(batch, put_out(model, batch)).item())
    assert losses[0] > losses[1] > losses[2]
    assert losses[1] == pytest.approx((losses[0] + losses[2]) / 2, rel=1e-4)


def test_a_crf_learns_too(config: RunConfig) -> None:
    torch.manual_seed(0)
    crf = replace(
        config,
        model=replace(config.model, phoneme_output=True),
        phonemes=replace(config.phonemes, denominator_weight=0.9),
    )
    learner = Learner(AcousticModel(crf.model), crf, torch.device("cpu"), texts=[TEXT])
    batch = batch_of(crf, TEXT, TEXT)
    for step in range(60):
        learner.step(batch, step, 60)
    learner.model.eval()
    late = crf.model.framing.lookahead_frames
    real = put_out(learner.model, batch)[0, late : late + int(batch.num_frames[0])]
    path = real.argmax(dim=-1).tolist()
    said = [symbol for symbol, _ in groupby(path) if symbol]
    inventory = sorted({phoneme for word in LEXICON.values() for phoneme in word})
    assert [inventory[symbol - 1] for symbol in said] == [*LEXICON["hello"], *LEXICON["you"]]


def test_phonemes_cannot_be_put_out_where_there_are_none(config: RunConfig) -> None:
    with pytest.raises(ValueError, match="there are no phonemes to put out"):
        replace(config.model, num_phonemes=0, phoneme_output=True)


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
    config = replace(config, model=replace(config.model, phoneme_output=True))
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


def test_a_run_can_put_out_phonemes_that_it_did_not_start_with(
    config: RunConfig, tmp_path: Path
) -> None:
    write_corpus(tmp_path)
    train(config, tmp_path / "first")
    start = tmp_path / "first" / LAST
    second = replace(
        config,
        model=replace(config.model, phoneme_output=True),
        optimiser=replace(config.optimiser, learning_rate=0.0, final_rate=0.0),
        initial_weights=str(start),
    )
    train(second, tmp_path / "second")
    before = averaged_model(load_checkpoint(start)).output.weight
    after = averaged_model(load_checkpoint(tmp_path / "second" / LAST)).output.weight
    frames = torch.unflatten(after, 0, (config.model.frames_per_step, -1))
    size = config.model.vocabulary_size
    torch.testing.assert_close(frames[:, :size].flatten(0, 1), before, atol=1e-3, rtol=1e-2)
    assert not frames[:, size:].any()
