"""The training loop: one step, one epoch, one validation. Everything else is around it."""

import contextlib
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from service.engine.framing import Framing
from training.audio_dataset import Batch
from training.augment import mask_features, warp_frequencies
from training.config import OptimiserConfig, RunConfig
from training.distributed import ALONE, Ranks
from training.model import AcousticModel
from training.model_config import ModelConfig
from training.phonemes import PhonemeTask
from training.preparation import Corpus
from training.score import ErrorCounts, character_errors, total, word_errors
from training.text import BLANK_ID, decode


def supports_bfloat16(device: torch.device) -> bool:
    """Whether a recurrent layer really runs in bfloat16: many CPUs refuse, and only when asked."""
    probe = nn.LSTM(8, 8).to(device)
    try:
        with torch.autocast(device.type, torch.bfloat16):
            probe(torch.zeros(2, 1, 8, device=device))[0].float().sum().backward()
    except RuntimeError:
        return False
    return True


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """What a run's `precision` means on this machine."""
    return supports_bfloat16(device) if precision == "auto" else precision == "bfloat16"


def learning_rate(config: OptimiserConfig, step: int, num_steps: int) -> float:
    """The rate of one step: linear warm-up, constant, linear fall at the end of `num_steps`."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    decay_steps = max(1, round(num_steps * config.decay_fraction))
    remaining = min(1.0, max(0, num_steps - step) / decay_steps)
    return config.final_rate + (config.learning_rate - config.final_rate) * min(warm, remaining)


def ctc_loss(log_probs: Tensor, batch: Batch, framing: Framing) -> Tensor:
    """Mean loss a symbol, log_probs [B, T, V] of the letters, late by the lookahead."""
    real = log_probs[:, framing.lookahead_frames :]
    losses = nn.functional.ctc_loss(
        real.transpose(0, 1),
        batch.targets,
        batch.num_frames,
        batch.target_lengths,
        blank=BLANK_ID,
        reduction="none",
        zero_infinity=True,  # a sped-up utterance can have fewer frames than symbols
    )
    return losses.sum() / batch.target_lengths.sum().clamp(min=1)


def split_outputs(log_probs: Tensor, config: ModelConfig) -> tuple[Tensor, Tensor]:
    """What the model puts out, [B, T, V + P], as letters [B, T, V] and phonemes [B, T, P]."""
    size = config.vocabulary_size
    return log_probs[..., :size], log_probs[..., size:]


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step of training came to."""

    loss: float
    gradient_norm: float
    learning_rate: float


class Learner:
    """A model with its optimiser and averaged weights: what changes while training."""

    def __init__(
        self,
        model: AcousticModel,
        config: RunConfig,
        device: torch.device,
        ranks: Ranks = ALONE,
        texts: Iterable[str] = (),
    ) -> None:
        self.config = config
        self.device = device
        self.ranks = ranks
        self.model = model.to(device)
        averaging = get_ema_multi_avg_fn(config.optimiser.average_decay)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.model, multi_avg_fn=averaging)
        self.phonemes = (
            PhonemeTask(config.phonemes, self.model, texts) if config.phonemes.lexicon else None
        )
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), weight_decay=config.optimiser.weight_decay, betas=(0.9, 0.98)
        )
        self.bfloat16 = uses_bfloat16(config.precision, device)

    @property
    def averaged(self) -> AcousticModel:
        """The model with averaged weights; the one to validate and to ship."""
        return cast(AcousticModel, self.average.module)

    def step(self, batch: Batch, step: int, num_steps: int) -> StepResult:
        """Learn from one batch. Chance depends on the seed, the step and the process's rank."""
        torch.manual_seed(self.config.seed * 1_000_003 + step + self.ranks.rank * 1_000_000_007)
        rate = learning_rate(self.config.optimiser, step, num_steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        letters, phonemes = split_outputs(self._masked_log_probs(batch), self.model.config)
        loss = ctc_loss(letters, batch, self.model.config.framing)
        whole = loss if self.phonemes is None else loss + self.phonemes.loss(batch, phonemes)
        self.optimiser.zero_grad(set_to_none=True)
        whole.backward()  # type: ignore[no-untyped-call]
        self.ranks.average_gradients(self.model.parameters())
        norm = nn.utils.clip_grad_norm_(
            self.model.parameters(), self.config.optimiser.max_gradient_norm
        )
        if torch.isfinite(norm):
            self.optimiser.step()
            self.average.update_parameters(self.model)
        return StepResult(loss.item(), norm.item(), rate)

    def _masked_log_probs(self, batch: Batch) -> Tensor:
        model, waveforms = self.model, batch.waveforms.to(self.device)
        tail, *state = model.initial_state(len(waveforms))
        with torch.no_grad():
            features, _ = model.features(waveforms, tail)
            frames = batch.num_samples.to(self.device) / model.config.frontend.frame_shift
            warp = self.config.augment.max_frequency_warp
            if warp:
                features = warp_frequencies(features, model.config.frontend, warp)
            features = mask_features(features, frames, self.config.augment)
        with self.autocast():
            log_probs, _ = model.encode(features, tuple(state))
        return log_probs

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """bfloat16 where the run uses it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)


@dataclass(frozen=True, slots=True)
class Validation:
    """Greedy error rates of a split."""

    loss: float
    words_by_corpus: dict[str, ErrorCounts]
    characters: ErrorCounts

    @property
    def words(self) -> ErrorCounts:
        """Of all corpora."""
        return total(list(self.words_by_corpus.values()))


def greedy_texts(log_probs: Tensor, num_frames: Tensor) -> Iterator[str]:
    """Best-path readings of log_probs [B, T, V] whose lookahead was cut off already."""
    for path, count in zip(log_probs.argmax(dim=-1).tolist(), num_frames.tolist(), strict=True):
        text = decode(symbol for symbol, _ in itertools.groupby(path[:count]))
        yield " ".join(text.split())


@torch.no_grad()
def validate(model: AcousticModel, corpus: Corpus) -> Validation:
    """Loss and error rates of a model over all utterances of `corpus`, where the model is."""
    model.eval()
    losses: list[float] = []
    words: defaultdict[str, list[ErrorCounts]] = defaultdict(list)
    characters: list[ErrorCounts] = []
    for batch in corpus.source.in_order():
        waveforms = batch.waveforms.to(model.mean.device)
        log_probs, *_ = model(waveforms, *model.initial_state(len(waveforms)))
        letters, _ = split_outputs(log_probs, model.config)
        losses.append(ctc_loss(letters, batch, model.config.framing).item())
        real = letters[:, model.config.framing.lookahead_frames :]
        for index, text in zip(batch.indices, greedy_texts(real, batch.num_frames), strict=True):
            utterance = corpus.utterances[index]
            words[utterance.corpus].append(word_errors(utterance.text, text))
            characters.append(character_errors(utterance.text, text))
    return Validation(
        loss=sum(losses) / len(losses),
        words_by_corpus={corpus: total(counts) for corpus, counts in words.items()},
        characters=total(characters),
    )
