"""Several processes that train one model: each learns from other batches, all take the same step.

`torchrun` starts them and tells each its rank. They begin with the same weights and add up their
gradients before every step, so that their weights stay the same. The process of rank 0 alone
validates, writes and prints.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor, nn

# The others wait while rank 0 decodes a large corpus for the first time, and while it validates.
_TIMEOUT = timedelta(hours=24)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a run, as one of them sees them. By default there is one."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # on its machine

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """A GPU of its own where there are any."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_rank)
        return torch.device("cpu")

    def share(self, plan: Sequence[T]) -> Sequence[T]:
        """This process's part of an epoch. All parts are equally long; what is left over waits."""
        return plan[self.rank : len(plan) - len(plan) % self.size : self.size]

    def seeds(self, *seeds: int) -> tuple[int, ...]:
        """Seeds of this process's own chance; a lone process keeps those given."""
        return (*seeds, self.rank) if self.rank else seeds

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Make every gradient the mean of all processes' gradients."""
        if self.size == 1:
            return
        gradients = [weight.grad for weight in parameters if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            end = start + gradient.numel()
            gradient.copy_(flat[start:end].view_as(gradient))
            start = end

    def total(self, count: int) -> int:
        """The sum of all processes' counts."""
        if self.size == 1:
            return count
        counts: Tensor = torch.tensor(count, device=self.device)
        torch.distributed.all_reduce(counts)
        return int(counts)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Rank 0 goes through before the others do, who then find what it has written."""
        if self.size > 1 and not self.is_main:
            torch.distributed.barrier()
        yield
        if self.size > 1 and self.is_main:
            torch.distributed.barrier()


ALONE = Ranks()


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the processes that `torchrun` has started; without it, this process is the only one."""
    if not torch.distributed.is_torchelastic_launched():
        yield ALONE
        return
    ranks = Ranks(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
    if ranks.device.type == "cuda":
        torch.cuda.set_device(ranks.device)
    backend = "nccl" if ranks.device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, timeout=_TIMEOUT)
    try:
        yield ranks
    finally:
        torch.distributed.destroy_process_group()
