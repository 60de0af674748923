"""A second task while training: the phonemes, from a lower layer, which tells them to those above.

English spelling says little about sounds, so with little speech the letters alone teach the lower
layers slowly. A CTC loss over phonemes at a lower layer tells them what to hear; the layers above
learn to spell. Source: Krishna, Toshniwal and Livescu, Hierarchical Multitask Learning for
CTC-based Speech Recognition (2018).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.audio_dataset import Batch
from training.config import InvalidConfig, PhonemeConfig
from training.crf import count_bigrams, log_denominator
from training.model import AcousticModel
from training.pronunciation import Pronunciation, phoneme_inventory, read_lexicon
from training.text import BLANK_ID, decode


class PhonemeTask:
    """Teaches the phonemes to the `conditioning` of a model that is being trained, and to its top.

    Args:
        config: the lexicon and the weights of the losses.
        model: its readings are taken whenever it runs.
        texts: what the phonemes' bigrams are counted in, for the CRF.

    Raises:
        InvalidLexicon: the lexicon cannot be read. OSError: it is not there.
        InvalidConfig: the model has another number of phonemes than the lexicon.
    """

    def __init__(
        self, config: PhonemeConfig, model: AcousticModel, texts: Iterable[str] = ()
    ) -> None:
        self.config = config
        self._lexicon = read_lexicon(Path(config.lexicon))
        inventory = phoneme_inventory(self._lexicon)
        self._ids = {phoneme: index for index, phoneme in enumerate(inventory, start=1)}
        if model.conditioning is None or model.config.num_phonemes != 1 + len(inventory):
            raise InvalidConfig(
                f"model.num_phonemes is {model.config.num_phonemes}; with the {len(inventory)}"
                f" phonemes of {config.lexicon} and the blank it must be {1 + len(inventory)}"
            )
        self._bigrams = count_bigrams(map(self._phonemes, texts), model.config.num_phonemes)
        self._lookahead_frames = model.config.framing.lookahead_frames
        self._read: list[Tensor] = []
        model.conditioning.register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: Any, outputs: tuple[Tensor, Tensor]) -> None:
        if torch.is_grad_enabled():
            self._read = [outputs[1]]

    def loss(self, batch: Batch, put_out: Tensor) -> Tensor:
        """Weighted mean loss a phoneme, of the batch that the model has just been run on.

        Utterances that the lexicon cannot say whole, or that have more phonemes than frames, count
        for nothing.

        Args:
            put_out: [B, T, P] the phonemes' log-probabilities at the top; P is 0 if there are none.
        """
        logits = self._read.pop().float().flatten(1, 2)  # [B, T, P]
        targets = self._targets(batch)
        # A layer may be as late as the letters are: it has not looked ahead yet.
        late = (batch.num_frames + self._lookahead_frames).clamp(max=logits.shape[1])
        read = self._mean_loss(torch.log_softmax(logits, dim=-1), late, targets)
        if not put_out.shape[2]:
            return self.config.weight * read
        in_time = put_out[:, self._lookahead_frames :]
        top = self._mean_loss(in_time, batch.num_frames, targets)
        return self.config.weight * read + self.config.output_weight * top

    def _mean_loss(
        self, log_probs: Tensor, num_frames: Tensor, targets: Sequence[Sequence[int]]
    ) -> Tensor:
        lengths = torch.tensor([len(target) for target in targets])
        losses = nn.functional.ctc_loss(
            log_probs.transpose(0, 1),
            torch.tensor([phoneme for target in targets for phoneme in target]),
            num_frames,
            lengths,
            blank=BLANK_ID,
            reduction="none",
            zero_infinity=True,
        )
        said = ((lengths > 0).to(losses.device) & (losses > 0)).to(losses)
        if self.config.denominator_weight:
            frames, bigrams = num_frames.to(losses.device), self._bigrams.to(losses.device)
            denominators = log_denominator(log_probs, frames, bigrams)
            losses = losses + self.config.denominator_weight * denominators
        return (losses * said).sum() / lengths.sum().clamp(min=1)

    def _targets(self, batch: Batch) -> list[list[int]]:
        """The phonemes of each utterance; none where a word is not in the lexicon."""
        texts = torch.split(batch.targets, batch.target_lengths.tolist())
        return [self._phonemes(decode(text.tolist())) for text in texts]

    def _phonemes(self, text: str) -> list[int]:
        words = [self._lexicon.get(word) for word in text.split()]
        said: list[Pronunciation] = [word for word in words if word is not None]
        if len(said) < len(words):
            return []
        return [self._ids[phoneme] for word in said for phoneme in word]
