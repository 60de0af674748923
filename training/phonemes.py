"""A second task while training: the phonemes, from a lower layer, which tells them to those above.

English spelling says little about sounds, so with little speech the letters alone teach the lower
layers slowly. A CTC loss over phonemes at a lower layer tells them what to hear; the layers above
learn to spell. Source: Krishna, Toshniwal and Livescu, Hierarchical Multitask Learning for
CTC-based Speech Recognition (2018).
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.audio_dataset import Batch
from training.config import InvalidConfig, PhonemeConfig
from training.model import AcousticModel
from training.pronunciation import Pronunciation, phoneme_inventory, read_lexicon
from training.text import decode

BLANK_ID = 0


class PhonemeTask:
    """Teaches the phonemes to the `conditioning` of a model that is being trained.

    Args:
        config: the lexicon and the weight of the loss.
        model: its readings are taken whenever it runs.

    Raises:
        InvalidLexicon: the lexicon cannot be read. OSError: it is not there.
        InvalidConfig: the model has another number of phonemes than the lexicon.
    """

    def __init__(self, config: PhonemeConfig, model: AcousticModel) -> None:
        self.weight = config.weight
        self._lexicon = read_lexicon(Path(config.lexicon))
        inventory = phoneme_inventory(self._lexicon)
        self._ids = {phoneme: index for index, phoneme in enumerate(inventory, start=1)}
        if model.conditioning is None or model.config.num_phonemes != 1 + len(inventory):
            raise InvalidConfig(
                f"model.num_phonemes is {model.config.num_phonemes}; with the {len(inventory)}"
                f" phonemes of {config.lexicon} and the blank it must be {1 + len(inventory)}"
            )
        self._lookahead_frames = model.config.framing.lookahead_frames
        self._read: list[Tensor] = []
        model.conditioning.register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: Any, outputs: tuple[Tensor, Tensor]) -> None:
        if torch.is_grad_enabled():
            self._read = [outputs[1]]

    def loss(self, batch: Batch) -> Tensor:
        """Weighted mean loss a phoneme, of the batch that the model has just been run on.

        Utterances that the lexicon cannot say whole, or that have more phonemes than frames, count
        for nothing.
        """
        logits = self._read.pop().float().flatten(1, 2)  # [B, T, P]
        targets = self._targets(batch)
        lengths = torch.tensor([len(target) for target in targets])
        losses = nn.functional.ctc_loss(
            torch.log_softmax(logits, dim=-1).transpose(0, 1),
            torch.tensor([phoneme for target in targets for phoneme in target]),
            # A layer may be as late as the letters are: it has not looked ahead yet.
            (batch.num_frames + self._lookahead_frames).clamp(max=logits.shape[1]),
            lengths,
            blank=BLANK_ID,
            reduction="none",
            zero_infinity=True,
        )
        said = (lengths > 0).to(losses)
        return self.weight * (losses * said).sum() / lengths.sum().clamp(min=1)

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
