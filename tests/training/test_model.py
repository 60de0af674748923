"""The network: its chunking, its lookahead, its batches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.model import AcousticModel, ModelState
from training.model_config import CELLS, ModelConfig

TOLERANCE = 1e-5  # of log-probabilities


def make_model(cell: str = "lstm", frames_per_step: int = 2) -> AcousticModel:
    torch.manual_seed(0)
    config = ModelConfig(
        cell=cell,
        hidden_size=24,
        num_layers=2,
        conv_channels=4,
        frames_per_step=frames_per_step,
        lookahead_steps=3,
    )
    return AcousticModel(config).eval()


def noise(batch_size: int, num_steps: int, model: AcousticModel) -> torch.Tensor:
    samples = num_steps * model.config.framing.samples_per_step
    return torch.randn(batch_size, samples, generator=torch.Generator().manual_seed(1)) * 0.1


def run(model: AcousticModel, waveform: torch.Tensor, cuts: list[int]) -> torch.Tensor:
    """Log-probs of a waveform that arrives in chunks of `cuts` steps."""
    step = model.config.framing.samples_per_step
    state: ModelState = model.initial_state(len(waveform))
    pieces = []
    for chunk in torch.split(waveform, [cut * step for cut in cuts], dim=1):
        with torch.no_grad():
            log_probs, *rest = model(chunk, *state)
        state = tuple(rest)
        pieces.append(log_probs)
    return torch.cat(pieces, dim=1)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("frames_per_step", [1, 2])
def test_shapes(cell: str, frames_per_step: int) -> None:
    model = make_model(cell, frames_per_step)
    log_probs, *state = model(noise(3, 5, model), *model.initial_state(3))
    assert log_probs.shape == (3, 5 * frames_per_step, model.config.vocabulary_size)
    torch.testing.assert_close(log_probs.exp().sum(dim=-1), torch.ones(3, 5 * frames_per_step))
    shapes = [(3, *shape) for shape in model.state_shapes().values()]
    assert [tuple(tensor.shape) for tensor in state] == shapes


@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_any_chunking_equals_whole(cell: str, cuts: list[int]) -> None:
    model = make_model(cell)
    waveform = noise(2, sum(cuts), model)
    whole = run(model, waveform, [sum(cuts)])
    torch.testing.assert_close(run(model, waveform, cuts), whole, atol=TOLERANCE, rtol=0)


def test_batch_equals_one_by_one() -> None:
    model = make_model()
    waveforms = noise(4, 6, model)
    alone = torch.cat([run(model, waveform[None], [6]) for waveform in waveforms])
    torch.testing.assert_close(run(model, waveforms, [6]), alone, atol=TOLERANCE, rtol=0)


def test_output_sees_the_lookahead_and_no_more() -> None:
    """A change in one step reaches back by the lookahead: later outputs change, none before."""
    model, changed_step = make_model(), 6
    waveform = noise(1, 10, model)
    step = model.config.framing.samples_per_step
    changed = waveform.clone()
    changed[:, changed_step * step : (changed_step + 1) * step] *= -2.0
    difference = (run(model, waveform, [10]) - run(model, changed, [10])).abs().amax(dim=(0, 2))
    first = changed_step * model.config.frames_per_step
    assert (difference[:first] == 0).all()
    # The outputs at `first` describe audio that is `lookahead_frames` older: they looked ahead.
    assert (difference[first:] > 0).all()


def test_unknown_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="lstm, gru, rnn"):
        ModelConfig(cell="transformer")
