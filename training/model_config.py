"""The shape of the acoustic model, which is all that has to be known to build it."""

import math
from dataclasses import dataclass, field

from torch import nn

from service.engine.framing import Framing
from training.bounds import check_bounds
from training.frontend import FrontendConfig
from training.text import VOCABULARY

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn": nn.RNN,
}

CONV_STRIDE = 2
NUM_CONVS = 2


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of the network."""

    vocabulary_size: int = 29
    cell: str = "lstm"  # one of CELLS
    hidden_size: int = 384
    num_layers: int = 3
    conv_channels: int = 32
    frames_per_step: int = 2  # output frames of one recurrent step
    lookahead_steps: int = 4
    num_phonemes: int = 0  # classes of the phoneme task, blank included; 0: there is none
    phoneme_layer: int = 2  # recurrent layer, from 1, that has to know them
    phoneme_output: bool = False  # whether the model puts them out too, after the letters
    dropout: float = 0.1
    frontend: FrontendConfig = field(default_factory=FrontendConfig)

    def __post_init__(self) -> None:
        check_bounds(
            self,
            vocabulary_size=(len(VOCABULARY), len(VOCABULARY)),
            hidden_size=(1, math.inf),
            num_layers=(1, math.inf),
            conv_channels=(1, math.inf),
            frames_per_step=(1, math.inf),
            lookahead_steps=(0, math.inf),
            dropout=(0.0, 1.0),
        )
        if self.frontend.num_mel_bins % CONV_STRIDE**NUM_CONVS:
            raise ValueError(f"num_mel_bins must be a multiple of {CONV_STRIDE**NUM_CONVS}")
        if self.cell not in CELLS:
            raise ValueError(f"cell is {self.cell!r}; it must be one of {', '.join(CELLS)}")
        if self.num_phonemes and not 1 <= self.phoneme_layer <= self.num_layers:
            raise ValueError(
                f"phoneme_layer is {self.phoneme_layer}; there are {self.num_layers} layers"
            )
        if self.phoneme_output and not self.num_phonemes:
            raise ValueError("phoneme_output is true; there are no phonemes to put out")

    @property
    def output_sizes(self) -> tuple[int, ...]:
        """How many classes each distribution that the model puts out has: V, or V and P."""
        sizes = (self.vocabulary_size, self.num_phonemes)
        return sizes if self.phoneme_output else sizes[:1]

    @property
    def framing(self) -> Framing:
        """The time grid that the engine needs to know."""
        return Framing(
            sample_rate=self.frontend.sample_rate,
            samples_per_frame=self.frontend.frame_shift * CONV_STRIDE**NUM_CONVS,
            frames_per_step=self.frames_per_step,
            lookahead_frames=self.lookahead_steps * self.frames_per_step,
        )
