"""What a scheduler has done since it began, for whoever watches over it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from service.engine.batch import Completed, Job
from service.engine.options import Priority


@dataclass(slots=True)
class Tally:
    """Counts by priority. Its scheduler alone changes it, on its event loop."""

    num_open: Counter[Priority] = field(default_factory=Counter)  # seats that are taken now
    num_admitted: Counter[Priority] = field(default_factory=Counter)
    num_refused: int = 0
    num_samples: Counter[Priority] = field(default_factory=Counter)  # of audio, at the model's rate
    num_jobs: Counter[Priority] = field(default_factory=Counter)  # that succeeded
    num_failed: int = 0
    num_batches: int = 0
    busy_s: float = 0.0  # of all workers together

    def admit(self, priority: Priority) -> None:
        """A seat was taken."""
        self.num_open[priority] += 1
        self.num_admitted[priority] += 1

    def release(self, priority: Priority) -> None:
        """A seat was given up."""
        self.num_open[priority] -= 1

    def finish(
        self, batch: Sequence[Job[Any, Any]], outcomes: Sequence[Completed[Any] | Exception]
    ) -> None:
        """A batch has been run."""
        self.num_batches += 1
        run_s = 0.0
        for job, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Completed):
                self.num_jobs[job.priority] += 1
                run_s = max(run_s, outcome.run_s)  # which those of a batch share
            else:
                self.num_failed += 1
        self.busy_s += run_s
