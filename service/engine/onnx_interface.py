"""What the graph of a bundle's model must take and give, and the check that it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from service.engine.bundle import Bundle
from service.engine.errors import InvalidBundle

Dimension: TypeAlias = int | str | None
"""A size; free if it is a name or None."""

_TYPES: Final = {  # numpy's names -> ONNX Runtime's
    "float16": "tensor(float16)",
    "float32": "tensor(float)",
    "float64": "tensor(double)",
    "int32": "tensor(int32)",
    "int64": "tensor(int64)",
    "bool": "tensor(bool)",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a graph."""

    name: str
    type: str  # in ONNX Runtime's spelling
    shape: tuple[Dimension, ...]


def expected_inputs(bundle: Bundle) -> list[Tensor]:
    """`waveform` [B, S], then the state [B, *shape]."""
    waveform = Tensor("waveform", _TYPES["float32"], (None, None))
    return [waveform, *_states(bundle, prefix="")]


def expected_outputs(bundle: Bundle) -> list[Tensor]:
    """`log_probs` [B, T, V + P], then the next state [B, *shape]."""
    shape = (None, None, bundle.num_outputs)
    return [Tensor("log_probs", _TYPES["float32"], shape), *_states(bundle, prefix="next_")]


def check_interface(
    file: str, side: str, expected: Sequence[Tensor], found: Sequence[Tensor]
) -> None:
    """Compare names, types and shapes; their order in the graph does not matter.

    Raises:
        InvalidBundle: the message names the file and the tensor.
    """
    by_name = {tensor.name: tensor for tensor in found}
    names = {tensor.name for tensor in expected}
    if names != set(by_name):
        missing, extra = sorted(names - set(by_name)), sorted(set(by_name) - names)
        raise InvalidBundle(f"{file}: {side}s missing: {missing}, unexpected: {extra}")
    for tensor in expected:
        if not _fits(tensor, by_name[tensor.name]):
            raise InvalidBundle(
                f"{file}: {side} {tensor.name!r} is {_describe(by_name[tensor.name])}; "
                f"the bundle says {_describe(tensor)}"
            )


def _states(bundle: Bundle, prefix: str) -> list[Tensor]:
    return [
        Tensor(prefix + spec.name, _TYPES[spec.dtype], (None, *spec.shape)) for spec in bundle.state
    ]


def _fits(expected: Tensor, found: Tensor) -> bool:
    """A size that is fixed here and free in the graph is found out by the first step."""
    return (
        found.type == expected.type
        and len(found.shape) == len(expected.shape)
        and all(
            not isinstance(size, int) or size == wanted
            for wanted, size in zip(expected.shape, found.shape, strict=True)
        )
    )


def _describe(tensor: Tensor) -> str:
    sizes = ["any" if size is None else str(size) for size in tensor.shape]
    return f"{tensor.type} [{', '.join(sizes)}]"
