"""The acoustic model: log-mel, causal convolutions, recurrent layers, lookahead, log-probabilities.

One `forward` serves training, validation and export: it maps (waveform chunk, state) to
(log_probs, next state), and a whole utterance is a chunk that is long. What an output depends on
is its past and `lookahead_frames` of its future, so any chunking gives the same numbers.
"""

import torch
from torch import Tensor, nn

from training.frontend import LogMel
from training.model_config import CELLS, CONV_STRIDE, NUM_CONVS, ModelConfig

ModelState = tuple[Tensor, ...]
"""State tensors, batch first, in the order of `AcousticModel.state_shapes`."""


class CausalConv(nn.Module):
    """Halves time and frequency; in time it sees the current pair of frames and the one before."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=CONV_STRIDE, padding=(0, 1))

    def forward(self, features: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, T, F] and the frame before it [B, C, 1, F] to [B, C', T / 2, F / 2]."""
        padded = torch.cat([cache, features], dim=2)
        return torch.relu(self.conv(padded)), features[:, :, -1:]


class Subsampling(nn.Module):
    """Features to recurrent steps: two causal convolutions, then a projection of whole steps."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.frames_per_step = config.frames_per_step
        channels = config.conv_channels
        self.first = CausalConv(1, channels)
        self.second = CausalConv(channels, channels)
        num_bands = config.frontend.num_mel_bins // CONV_STRIDE**NUM_CONVS
        self.project = nn.Linear(config.frames_per_step * channels * num_bands, config.hidden_size)

    def forward(
        self, features: Tensor, first_cache: Tensor, second_cache: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """[B, T, num_mel_bins] to [B, T / 4 / frames_per_step, hidden_size], and both caches."""
        x, first_cache = self.first(features.unsqueeze(1), first_cache)
        x, second_cache = self.second(x, second_cache)
        x = x.transpose(1, 2).flatten(2)  # [B, T / 4, C * F]
        x = x.reshape(x.shape[0], -1, self.project.in_features)
        return self.project(x), first_cache, second_cache


class RecurrentLayer(nn.Module):
    """A unidirectional layer with pre-normalisation and a residual connection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size)
        cell = CELLS[config.cell]
        self.cell = cell(config.hidden_size, config.hidden_size, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """[B, T, H] and this layer's state, h (and c), each [B, H]."""
        initial = [tensor.unsqueeze(0) for tensor in state]
        is_lstm = len(initial) > 1
        y, last = self.cell(self.norm(x), tuple(initial) if is_lstm else initial[0])
        final = last if is_lstm else (last,)
        return x + self.dropout(y), [tensor.squeeze(0) for tensor in final]


class PhonemeConditioning(nn.Module):
    """Reads phonemes off a layer and tells the layers above what it read.

    Source: Nozaki and Komatsu, Relaxing the Conditional Independence Assumption of CTC-based ASR
    by Conditioning on Intermediate Predictions (2021), with phonemes below letters.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        num_outputs = config.frames_per_step * config.num_phonemes
        self.frame_shape = (config.frames_per_step, config.num_phonemes)
        self.norm = nn.LayerNorm(config.hidden_size)
        self.output = nn.Linear(config.hidden_size, num_outputs)
        self.feedback = nn.Linear(num_outputs, config.hidden_size)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, H] to the same for the next layer, and logits [B, T, frames_per_step, P]."""
        logits = self.output(self.norm(x)).unflatten(2, self.frame_shape)
        return x + self.feedback(logits.softmax(dim=-1).flatten(2)), logits


class Lookahead(nn.Module):
    """Row convolution: each unit sees its own next `num_steps` values, and so comes out late.

    Source: Amodei et al., Deep Speech 2 (2016), section 3.5.
    """

    def __init__(self, hidden_size: int, num_steps: int) -> None:
        super().__init__()
        self.num_steps = num_steps
        self.conv = nn.Conv1d(hidden_size, hidden_size, num_steps + 1, groups=hidden_size)

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, H] and the `num_steps` inputs before it to [B, T, H], `num_steps` late."""
        window = torch.cat([cache, x], dim=1)
        ahead = self.conv(window.transpose(1, 2)).transpose(1, 2)
        return window[:, : x.shape[1]] + ahead, window[:, x.shape[1] :]


class AcousticModel(nn.Module):
    """The whole network, features included."""

    mean: Tensor
    inverse_std: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        num_mel_bins = config.frontend.num_mel_bins
        self.log_mel = LogMel(config.frontend)
        self.register_buffer("mean", torch.zeros(num_mel_bins))
        self.register_buffer("inverse_std", torch.ones(num_mel_bins))
        self.subsampling = Subsampling(config)
        self.layers = nn.ModuleList(RecurrentLayer(config) for _ in range(config.num_layers))
        self.conditioning = PhonemeConditioning(config) if config.num_phonemes else None
        self.lookahead = Lookahead(config.hidden_size, config.lookahead_steps)
        self.norm = nn.LayerNorm(config.hidden_size)
        num_outputs = config.frames_per_step * sum(config.output_sizes)
        self.output = nn.Linear(config.hidden_size, num_outputs)

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape, without the batch axis, of every state tensor, in order."""
        config, bins = self.config, self.config.frontend.num_mel_bins
        recurrent = (config.num_layers, config.hidden_size)
        shapes: dict[str, tuple[int, ...]] = {
            "waveform_tail": (config.frontend.tail_length,),
            "first_conv": (1, 1, bins),
            "second_conv": (config.conv_channels, 1, bins // CONV_STRIDE),
            "h": recurrent,
        }
        if config.cell == "lstm":
            shapes["c"] = recurrent
        shapes["lookahead"] = (config.lookahead_steps, config.hidden_size)
        return shapes

    def initial_state(self, batch_size: int) -> ModelState:
        """The state of streams that have heard nothing."""
        shapes = self.state_shapes().values()
        return tuple(self.mean.new_zeros(batch_size, *shape) for shape in shapes)

    def features(self, waveform: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised log-mel [B, S / frame_shift, num_mel_bins], and the next waveform tail."""
        log_mel, tail = self.log_mel(waveform, tail)
        return (log_mel - self.mean) * self.inverse_std, tail

    def encode(self, features: Tensor, state: ModelState) -> tuple[Tensor, ModelState]:
        """Normalised features to log_probs; `state` is all but the waveform tail."""
        first_conv, second_conv, *recurrent, lookahead = state
        x, first_conv, second_conv = self.subsampling(features, first_conv, second_conv)
        layer_states = []  # per layer: [h] or [h, c]
        for index, layer in enumerate(self.layers):
            x, layer_state = layer(x, [tensor[:, index] for tensor in recurrent])
            layer_states.append(layer_state)
            if self.conditioning and index + 1 == self.config.phoneme_layer:
                x, _ = self.conditioning(x)
        stacked = [torch.stack(tensors, dim=1) for tensors in zip(*layer_states, strict=True)]
        x, lookahead = self.lookahead(x, lookahead)
        logits = self.output(self.norm(x))  # [B, steps, frames_per_step * (V + P)]
        logits = logits.reshape(logits.shape[0], -1, sum(self.config.output_sizes)).float()
        parts = logits.split(self.config.output_sizes, dim=-1)
        log_probs = torch.cat([torch.log_softmax(part, dim=-1) for part in parts], dim=-1)
        return log_probs, (first_conv, second_conv, *stacked, lookahead)

    def forward(self, waveform: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """One step of B streams.

        Args:
            waveform: [B, S] in [-1, 1], S a multiple of the framing's `samples_per_step`.
            state: the tensors of `state_shapes`, batch first.

        Returns:
            log_probs [B, S / samples_per_frame, V + P] (late by the lookahead; P is 0 without a
            `phoneme_output`), then the next state.
        """
        features, tail = self.features(waveform, state[0])
        log_probs, rest = self.encode(features, state[1:])
        return log_probs, tail, *rest
