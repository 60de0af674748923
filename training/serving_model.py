"""The model as it is exported: the trained one, computed in ways that serve faster or exactly.

Nothing that was learned changes. `served` replaces what an ONNX graph computes slowly by its equal.
`anchored` goes on to a model whose int8 graph treats every stream by itself, with features that
take half the arithmetic: they round ten times more coarsely than `frontend`'s, which moves
float32's log-probabilities by up to 3e-4 and is little beside int8.

ONNX Runtime's dynamic int8 operators take the scale of an activation from the smallest and the
largest value of all that they compute at once, so that a stream's numbers would depend on who else
is in its batch and on how it was cut. An anchor is a value that is always there and at the end of a
fixed range, beyond which everything else is clipped: the operator then finds that range each time.
Anchors meet weights of zero, and change nothing else. The hidden state of an LSTM lies between -1
and 1 by its definition; the ranges of other activations are measured (`calibration`).
"""

import copy
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from training.model import AcousticModel, Lookahead, RecurrentLayer
from training.serving_frontend import ServedLogMel

_SATURATED = 40.0  # a gate's input that is as good as infinite
_HELD = (-1.0, 1.0, 0.0, 1.0)  # input gate shut, forget gate open, nothing new, output gate open
_NUM_ANCHORS = 2  # the two ends of a range


@dataclass(frozen=True, slots=True)
class ActivationRanges:
    """The largest magnitudes that int8 graphs tell apart; what is larger is clipped."""

    projection: float  # of the projection's inputs
    layers: tuple[float, ...]  # of each recurrent layer's inputs


class ServedLookahead(nn.Module):
    """As `Lookahead`, as sums of shifted products: depthwise convolutions are slow on short chunks.

    The residual connection is part of the first weight.
    """

    weights: Tensor
    bias: Tensor

    def __init__(self, lookahead: Lookahead) -> None:
        super().__init__()
        weights = lookahead.conv.weight.detach()[:, 0].T.clone()  # [num_steps + 1, H]
        weights[0] += 1.0
        assert lookahead.conv.bias is not None
        self.num_steps = lookahead.num_steps
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("bias", lookahead.conv.bias.detach().clone(), persistent=False)

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, H] and the `num_steps` inputs before it to [B, T, H], `num_steps` late."""
        window, num_steps = torch.cat([cache, x], dim=1), x.shape[1]
        y = self.bias
        for ahead in range(self.num_steps + 1):
            y = y + window[:, ahead : ahead + num_steps] * self.weights[ahead]
        return y, window[:, num_steps:]


class AnchoredLayer(nn.Module):
    """As `RecurrentLayer` of an LSTM, with a range for its inputs and one for its hidden state.

    Two more inputs stand at the ends of the range. Two more units hold their cell for ever, one
    far above zero and one far below, so that they put out 1 and -1.
    """

    ends: Tensor
    hidden: Tensor
    cells: Tensor

    def __init__(self, layer: RecurrentLayer, limit: float) -> None:
        super().__init__()
        assert isinstance(layer.cell, nn.LSTM)
        self.norm = layer.norm
        self.limit = limit
        self.hidden_size = layer.cell.hidden_size
        self.cell = _with_anchors(layer.cell)
        self.register_buffer("ends", torch.tensor([limit, -limit]), persistent=False)
        self.register_buffer("cells", torch.tensor([1.0, -1.0]) * _SATURATED, persistent=False)
        self.register_buffer("hidden", torch.tensor([1.0, -1.0]), persistent=False)

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """[B, T, H] and this layer's h and c, each [B, H]."""
        inputs = self.norm(x).clamp(-self.limit, self.limit)
        ends = self.ends.expand(inputs.shape[0], inputs.shape[1], _NUM_ANCHORS)
        h, c = (
            torch.cat([tensor, anchors.expand(tensor.shape[0], _NUM_ANCHORS)], dim=1).unsqueeze(0)
            for tensor, anchors in zip(state, (self.hidden, self.cells), strict=True)
        )
        y, last = self.cell(torch.cat([inputs, ends], dim=2), (h, c))
        size = self.hidden_size
        return x + y[:, :, :size], [tensor.squeeze(0)[:, :size] for tensor in last]


class AnchoredProjection(nn.Module):
    """A linear layer of inputs that are not negative, with a range for them."""

    end: Tensor

    def __init__(self, linear: nn.Linear, limit: float) -> None:
        super().__init__()
        self.limit, self.in_features = limit, linear.in_features
        self.linear = nn.Linear(linear.in_features + 1, linear.out_features)
        with torch.no_grad():
            self.linear.weight.zero_()[:, :-1] = linear.weight
            self.linear.bias.copy_(linear.bias)
        self.register_buffer("end", torch.tensor([limit]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, in_features] to [B, T, out_features]."""
        end = self.end.expand(x.shape[0], x.shape[1], 1)
        projected: Tensor = self.linear(torch.cat([x.clamp(max=self.limit), end], dim=2))
        return projected


def served(model: AcousticModel) -> AcousticModel:
    """A copy whose graph is faster and equal but for rounding."""
    copied = copy.deepcopy(model).eval()
    copied.lookahead = ServedLookahead(model.lookahead)  # type: ignore[assignment]
    return copied


def anchored(model: AcousticModel, ranges: ActivationRanges) -> AcousticModel:
    """A copy to quantise: float32 here, it clips what its int8 graph cannot tell apart."""
    copied = served(model)
    copied.log_mel = ServedLogMel(model.config.frontend)  # type: ignore[assignment]
    subsampling = copied.subsampling
    subsampling.project = AnchoredProjection(subsampling.project, ranges.projection)  # type: ignore[assignment]
    if model.config.cell == "lstm":  # the other cells have no int8 operator
        copied.layers = nn.ModuleList(
            AnchoredLayer(cast("RecurrentLayer", layer), limit)
            for layer, limit in zip(copied.layers, ranges.layers, strict=True)
        )
    return copied


def _with_anchors(cell: nn.LSTM) -> nn.LSTM:
    """The LSTM with two inputs more, of weight zero, and two units more, of nothing but biases."""
    size, total = cell.hidden_size, cell.hidden_size + _NUM_ANCHORS
    wider = nn.LSTM(cell.input_size + _NUM_ANCHORS, total, batch_first=True)
    with torch.no_grad():
        for name, parameter in wider.named_parameters():
            gates = parameter.zero_().view(len(_HELD), total, -1)
            learned = cell.get_parameter(name)
            gates[:, :size, : learned[0].numel()] = learned.view(len(_HELD), size, -1)
        biases = wider.get_parameter("bias_ih_l0").view(len(_HELD), total)
        biases[:, size:] = _SATURATED * torch.tensor(_HELD)[:, None]
    return wider
