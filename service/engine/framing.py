"""How samples, frames and steps of a stream relate: the one place for this arithmetic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Framing:
    """The time grid of an acoustic model.

    The model consumes whole steps of `samples_per_step` samples and puts out `frames_per_step`
    frames of log-probabilities for each. Its outputs are late: output frame `k` describes the
    audio of frame `k - lookahead_frames`, because the model looks that far ahead.
    """

    sample_rate: int  # Hz
    samples_per_frame: int
    frames_per_step: int
    lookahead_frames: int  # a multiple of frames_per_step

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.samples_per_frame, self.frames_per_step) < 1:
            raise ValueError("sample_rate, samples_per_frame and frames_per_step must be positive")
        if self.lookahead_frames < 0 or self.lookahead_frames % self.frames_per_step:
            raise ValueError("lookahead_frames must be a non-negative multiple of frames_per_step")

    @property
    def samples_per_step(self) -> int:
        return self.samples_per_frame * self.frames_per_step

    @property
    def frame_s(self) -> float:
        """Duration of one output frame in seconds."""
        return self.samples_per_frame / self.sample_rate

    def num_frames(self, num_samples: int) -> int:
        """Frames that describe `num_samples` samples of audio; the last may be partly padding."""
        return -(-num_samples // self.samples_per_frame)

    def flushed_samples(self, num_samples: int) -> int:
        """Length to which audio is zero-padded so that every one of its frames comes out."""
        late_frames = self.num_frames(num_samples) + self.lookahead_frames
        num_steps = -(-late_frames // self.frames_per_step)
        return num_steps * self.samples_per_step

    def real_frames(self, first_output: int, num_outputs: int, num_samples: int) -> slice:
        """Which of the outputs `[first_output, first_output + num_outputs)` describe real audio.

        The slice is relative to `first_output`. Outputs before the lookahead has filled and those
        past the end of the `num_samples` samples of audio are left out. While the length of a
        stream is not known yet, pass the samples that have arrived.
        """
        start = min(max(self.lookahead_frames - first_output, 0), num_outputs)
        end = self.lookahead_frames + self.num_frames(num_samples) - first_output
        return slice(start, max(start, min(end, num_outputs)))
