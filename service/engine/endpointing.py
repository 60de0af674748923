"""Where utterances end: silence rules on the log-probabilities, decided frame by frame.

After the rules of Kaldi's online endpointing (kaldi/src/online2/online-endpoint.h), which Vosk uses
too: an utterance ends after speech and enough trailing silence, and the older it is, the less
silence is enough. Kaldi's fixed steps (2 s, 1 s, 0.5 s and a length of 20 s) are one falling line
here. An utterance's age counts from its first frame of speech:

- up to half of `max_utterance_s`, `silence_s` of silence end the utterance;
- from there on the silence that is needed falls linearly, to nothing at `max_utterance_s`: a long
  utterance ends at the first pause that is long enough for its age, so that a word is cut through
  only where nobody paused at all.

A decision looks at the frames up to it only, never at chunks or clocks: any cutting of the frames
gives the same utterances.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from service.engine.framing import Framing
from service.engine.options import Endpointing


@dataclass(frozen=True, slots=True)
class EndpointState:
    """What has been heard of the utterance in progress."""

    age: int = 0  # frames since its speech began, 0 before that
    trailing_silence: int = 0  # frames, 0 before its speech began


class Endpointer:
    """The rules for one model and one set of options. Immutable.

    Args:
        rules: the durations that the rules go by.
        framing: the model's time grid.
    """

    def __init__(self, rules: Endpointing, framing: Framing) -> None:
        self._silence = rules.silence_s / framing.frame_s  # frames
        self._max_age = round(rules.max_utterance_s / framing.frame_s)  # frames

    def advance(
        self, state: EndpointState, silent: Iterable[bool]
    ) -> tuple[EndpointState, list[int]]:
        """Take in whether each of T frames is silent.

        Returns:
            The new state, and where utterances end, ascending in 1..T: an end at `k` makes frame
            `k - 1` the last of its utterance.
        """
        ends = []
        age, trailing_silence = state.age, state.trailing_silence
        for num_heard, is_silent in enumerate(silent, start=1):
            if is_silent and age == 0:
                continue
            age += 1
            trailing_silence = trailing_silence + 1 if is_silent else 0
            if self._is_over(age, trailing_silence):
                ends.append(num_heard)
                age = trailing_silence = 0
        return EndpointState(age, trailing_silence), ends

    def _is_over(self, age: int, trailing_silence: int) -> bool:
        left = 1 - age / self._max_age  # of the longest life, from 1 to 0
        return trailing_silence >= self._silence * min(1.0, 2 * left)
