"""What the exported graphs compute instead of the trained model's own operations."""

import numpy as np
import pytest
import torch
from torch import Tensor

from training.activation_ranges import measure_ranges
from training.frontend import FrontendConfig, LogMel
from training.model import AcousticModel, Lookahead, ModelConfig, RecurrentLayer
from training.serving_frontend import ServedLogMel
from training.serving_model import (
    ActivationRanges,
    AnchoredLayer,
    AnchoredProjection,
    ServedLookahead,
    anchored,
    served,
)

CONFIG = FrontendConfig()
SMALL = ModelConfig(hidden_size=16, num_layers=2, conv_channels=4, num_phonemes=5, phoneme_layer=1)
WIDE = ActivationRanges(projection=100.0, layers=(100.0, 100.0))


def noise(*shape: int, level: float = 0.1) -> Tensor:
    values = np.random.default_rng(3).normal(0.0, level, shape)
    return torch.from_numpy(values.astype(np.float32))


@pytest.mark.parametrize("config", [CONFIG, FrontendConfig(sample_rate=8000)], ids=["16k", "8k"])
@pytest.mark.parametrize("level", [0.3, 0.01, 0.0])
@pytest.mark.parametrize("offset", [0.0, 0.1], ids=["centred", "with DC"])
def test_served_features_are_the_models(
    config: FrontendConfig, level: float, offset: float
) -> None:
    waveform = noise(3, 20 * config.frame_shift, level=level) + offset
    tail = noise(3, config.tail_length, level=level) + offset
    expected, expected_tail = LogMel(config).double()(waveform.double(), tail.double())
    found, next_tail = ServedLogMel(config)(waveform, tail)
    if level:  # the rounding of an offset without anything on it is as loud as the floor
        assert (found - expected).abs().max() < (2e-2 if offset else 2e-3)
    assert torch.equal(next_tail, expected_tail.float())


def test_a_served_lookahead_is_the_models() -> None:
    lookahead = Lookahead(hidden_size=6, num_steps=3)
    x, cache = noise(2, 5, 6), noise(2, 3, 6)
    expected, expected_cache = lookahead(x, cache)
    found, next_cache = ServedLookahead(lookahead)(x, cache)
    torch.testing.assert_close(found, expected)
    assert torch.equal(next_cache, expected_cache)


@torch.no_grad()
def test_anchors_change_nothing_within_the_range() -> None:
    model = AcousticModel(SMALL).eval()
    waveform, state = noise(2, 6 * SMALL.framing.samples_per_step), model.initial_state(2)
    expected = model(waveform, *state)
    for other in (served(model), anchored(model, WIDE)):
        for found, tensor in zip(other(waveform, *state), expected, strict=True):
            torch.testing.assert_close(found, tensor, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_anchors_of_a_layer_hold_for_ever() -> None:
    layer = AnchoredLayer(RecurrentLayer(SMALL).eval(), limit=4.0)
    size = SMALL.hidden_size + 2
    h, c = torch.zeros(1, 1, size), torch.zeros(1, 1, size)
    h[..., -2:], c[..., -2:] = layer.hidden, layer.cells
    _, (last_h, last_c) = layer.cell(noise(1, 500, size, level=3.0), (h, c))
    assert last_h[0, 0, -2:].tolist() == [1.0, -1.0]
    assert torch.equal(last_c[..., -2:], c[..., -2:])
    assert last_h.abs().max() <= 1.0


@torch.no_grad()
def test_what_is_beyond_the_range_is_clipped() -> None:
    linear = torch.nn.Linear(3, 2)
    projection = AnchoredProjection(linear, limit=2.0)
    found = projection(torch.tensor([[[1.0, 2.0, 50.0]]]))
    torch.testing.assert_close(found, linear(torch.tensor([[[1.0, 2.0, 2.0]]])))


def test_ranges_hold_what_was_measured() -> None:
    model = AcousticModel(SMALL).eval()
    ranges = measure_ranges(model, [])
    assert ranges.projection > 0
    assert len(ranges.layers) == SMALL.num_layers
    assert all(1.0 < limit <= 1.1 * SMALL.hidden_size**0.5 for limit in ranges.layers)
