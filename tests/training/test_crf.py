"""The denominator of the CRF, against all paths."""

import math
from itertools import groupby, pairwise, product

import pytest
import torch

from training.crf import count_bigrams, log_denominator

NUM_SYMBOLS = 4
SEQUENCES = [[1, 2, 1], [3], [], [1, 1, 2]]


def random_log_probs(num_frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(num_frames)
    return torch.randn(2, num_frames, NUM_SYMBOLS, generator=generator).log_softmax(dim=-1)


def log_sum_over_paths(log_probs: torch.Tensor, bigrams: torch.Tensor) -> float:
    """As it is defined, of log_probs [T, P]."""
    total = 0.0
    for path in product(range(NUM_SYMBOLS), repeat=len(log_probs)):
        symbols = [0, *(symbol for symbol, _ in groupby(path) if symbol)]
        language = math.prod(float(bigrams[pair]) for pair in pairwise(symbols))
        posteriors = [frame[symbol] for frame, symbol in zip(log_probs, path, strict=True)]
        total += math.exp(sum(map(float, posteriors))) * language
    return math.log(total)


def test_bigrams_are_probabilities_of_what_was_counted() -> None:
    bigrams = count_bigrams(SEQUENCES, NUM_SYMBOLS)
    torch.testing.assert_close(bigrams.sum(dim=1), torch.ones(NUM_SYMBOLS))
    assert bigrams[:, 0].tolist() == [0.0] * NUM_SYMBOLS
    assert bigrams[0].argmax() == 1  # two of three begin with it
    assert bigrams[1].argmax() == 2
    assert 0 < bigrams[2, 3] < bigrams[2, 1]


@pytest.mark.parametrize("num_frames", [1, 2, 5])
def test_the_denominator_sums_over_all_paths(num_frames: int) -> None:
    log_probs, bigrams = random_log_probs(num_frames), count_bigrams(SEQUENCES, NUM_SYMBOLS)
    found = log_denominator(log_probs, torch.tensor([num_frames] * 2), bigrams)
    expected = [log_sum_over_paths(row, bigrams) for row in log_probs]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_frames_that_are_not_real_count_for_nothing() -> None:
    log_probs, bigrams = random_log_probs(5), count_bigrams(SEQUENCES, NUM_SYMBOLS)
    padded = log_denominator(log_probs, torch.tensor([3, 5]), bigrams)
    assert padded[0].item() == pytest.approx(
        log_sum_over_paths(log_probs[0, :3], bigrams), abs=1e-5
    )


def test_gradients_are_finite_over_a_long_utterance() -> None:
    logits = torch.randn(1, 800, NUM_SYMBOLS, generator=torch.Generator().manual_seed(0)) * 20
    logits.requires_grad_()
    bigrams = count_bigrams(SEQUENCES, NUM_SYMBOLS)
    denominator = log_denominator(logits.log_softmax(dim=-1), torch.tensor([800]), bigrams)
    torch.autograd.backward(denominator)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
