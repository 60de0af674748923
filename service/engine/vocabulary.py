"""The symbols that an acoustic model spells words with."""

from collections.abc import Sequence
from typing import Final

SPACE: Final = " "
"""The symbol between words."""


class Vocabulary:
    """Output symbols in the model's order, one of them the CTC blank and one the space.

    Raises:
        ValueError: the blank is not in the vocabulary or is the space, a symbol occurs twice, or
            there is no space.
    """

    def __init__(self, symbols: Sequence[str], blank_id: int) -> None:
        if not 0 <= blank_id < len(symbols):
            raise ValueError(f"blank_id {blank_id} is outside a vocabulary of {len(symbols)}")
        if len(set(symbols)) < len(symbols):
            raise ValueError("a symbol occurs twice in the vocabulary")
        if SPACE not in symbols:
            raise ValueError("the vocabulary has no space to end words with")
        if symbols[blank_id] == SPACE:
            raise ValueError("the blank is the space, which ends words")
        self.symbols = tuple(symbols)
        self.blank_id = blank_id
        self.space_id = self.symbols.index(SPACE)

    def __len__(self) -> int:
        return len(self.symbols)
