"""Committing words keeps beams short; nothing of the text is lost by it."""

import numpy as np
import pytest

from service.engine.beam import BeamDecoder
from service.engine.commitment import CAPACITY
from service.engine.greedy import GreedyDecoder
from tests.engine.ctc_samples import BLANK_ID, VOCABULARY, decoded, normalised, read, spelled


def test_an_endless_stream_needs_no_more_than_its_words() -> None:
    random = np.random.default_rng(0)
    decoder = BeamDecoder(VOCABULARY, BLANK_ID, beam_width=4)
    state, num_words = decoder.start(), 0
    for _ in range(60):
        logits = random.normal(scale=3, size=(50, len(VOCABULARY)))
        state = decoder.advance(state, read(normalised(logits)))
        assert state.beams.symbols.shape[1] <= CAPACITY
        assert state.beams.texts["length"].max() <= CAPACITY
        assert len(state.words) >= num_words
        num_words = len(state.words)
    times = [(word.start_frame, word.end_frame) for word in decoder.hypotheses(state)[0].words]
    assert num_words > 100
    assert times == sorted(times)


@pytest.mark.parametrize("path", ["ab" * 400, "a-" * 400, "-" * 800, " ab" * 300])
def test_commits_lose_nothing(path: str) -> None:
    """Words too long to keep pending are cut in two; silence and clear words leave nothing open."""
    frames = spelled(path, posterior=0.9999)
    decoder = BeamDecoder(VOCABULARY, BLANK_ID, beam_width=8)
    state = decoded(decoder, [frames])
    greedy = GreedyDecoder(VOCABULARY, BLANK_ID)
    expected = greedy.hypotheses(decoded(greedy, [frames]))[0].text
    text = decoder.hypotheses(state)[0].text
    assert text.replace(" ", "") == expected.replace(" ", "")
    assert len(text.split()) - len(expected.split()) <= len(path) // 24


def test_a_word_cut_in_two_before_a_space_leaves_one_space() -> None:
    frames = spelled("ab" * 20 + "a " + "ab" * 11, posterior=0.9999)
    frames[0, VOCABULARY.index("b")] = frames[0, VOCABULARY.index("a")]  # else it were settled
    decoder = BeamDecoder(VOCABULARY, BLANK_ID, beam_width=2)
    state = decoder.advance(decoder.start(), read(frames))
    assert len(state.words) == 1
    for text in (decoder.partial(state).text, decoder.stable(state), *decoder.texts(state, 2)):
        assert text.split(" ") == text.split()
