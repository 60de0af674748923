"""The acoustic model with the state of all streams kept on the device that runs it.

Each state tensor is one array [S, *shape] of S slots that never leaves the device. The graph is
the bundle's own with a gather before it and a scatter after it: what travels is audio, the numbers
of slots, and log-probabilities.

A stream leases two slots and reads from one while it writes to the other, so that a step changes
nothing that it reads: a batch that failed can be run again. Slot 0 stays zero; every stream begins
by reading it.
"""

import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from service.engine.acoustic import State, check_waveforms
from service.engine.bundle import Bundle
from service.engine.errors import InvalidBundle, Overloaded
from service.engine.onnx_acoustic import (
    CPU,
    MODEL_FILES,
    chosen_precision,
    model_graph,
    session_options,
)
from service.engine.onnx_slotted_graph import READ, WRITE, slotted
from service.engine.options import RuntimeOptions

_SLOTS_PER_STREAM: Final = 2
_EMPTY_SLOT: Final = 0
_RETRY_AFTER_S: Final = 1.0
_LEAVING_STREAMS: Final = 64  # whose last step may still run when their place is taken
_CUDA_OPTIONS: Final = {"use_tf32": "0"}  # its rounding would depend on the size of the batch


class SlottedAcousticModel:
    """An `AcousticModel` whose states are leases of slots. Safe for any number of threads.

    Args:
        bundle: describes the model.
        session: runs the graph that `slotted` made, on the device.
        precision: that really runs.
        num_streams: how many there can be at once.
    """

    def __init__(self, bundle: Bundle, session: Any, precision: str, num_streams: int) -> None:
        self._bundle = bundle
        self._session = session
        self._precision = precision
        num_slots = 1 + _SLOTS_PER_STREAM * num_streams
        self._free = deque(range(1, num_slots))
        device = "cpu" if self.provider == CPU else "cuda"
        self._slots = {
            spec.name: onnxruntime.OrtValue.ortvalue_from_numpy(
                np.zeros((num_slots, *spec.shape), spec.dtype), device, 0
            )
            for spec in bundle.state
        }

    @property
    def provider(self) -> str:
        provider: str = self._session.get_providers()[0]
        return provider

    @property
    def precision(self) -> str:
        return self._precision

    def initial_state(self) -> State:
        """Lease two slots; they are free again when no state of the stream is left.

        Raises:
            Overloaded: all slots are leased.
        """
        try:
            lease = np.array([self._free.popleft(), self._free.popleft()])
        except IndexError:
            raise Overloaded("the device has no room for another stream", _RETRY_AFTER_S) from None
        weakref.finalize(lease, self._free.extend, lease.tolist())
        return np.array([_EMPTY_SLOT, *lease]), lease

    def step(
        self, waveforms: NDArray[np.float32], states: Sequence[State]
    ) -> tuple[NDArray[np.float32], list[State]]:
        """As `AcousticModel.step`.

        Raises:
            ValueError: the waveforms are not as the bundle says.
        """
        check_waveforms(self._bundle.framing, waveforms, len(states))
        slots = np.stack([state[0] for state in states])  # [B, 3]: read, write, write next
        binding = self._session.io_binding()
        binding.bind_cpu_input("waveform", waveforms)
        binding.bind_cpu_input(READ, np.ascontiguousarray(slots[:, 0]))
        binding.bind_cpu_input(WRITE, np.ascontiguousarray(slots[:, 1:2]))
        binding.bind_output("log_probs", "cpu")
        for name, values in self._slots.items():
            binding.bind_ortvalue_input(name, values)
            binding.bind_ortvalue_output(f"next_{name}", values)  # in place
        self._session.run_with_iobinding(binding)
        log_probs: NDArray[np.float32] = binding.get_outputs()[0].numpy()
        return log_probs, [_next_state(*state) for state in states]


def _next_state(slots: NDArray[np.generic], lease: NDArray[np.generic]) -> State:
    _, written, spare = slots
    return np.array([written, spare, written]), lease


def load_slotted_model(
    bundle: Bundle, options: RuntimeOptions, provider: str
) -> SlottedAcousticModel:
    """Open the bundle's model on a provider, with room for the streams that the options allow.

    Raises:
        InvalidBundle: the graph cannot be run with slots.
    """
    precision = chosen_precision(bundle, options, provider)
    path = bundle.folder / MODEL_FILES[precision]
    providers = [CPU] if provider == CPU else [(provider, _CUDA_OPTIONS), CPU]
    try:
        graph = slotted(model_graph(bundle, precision), bundle)
        session = onnxruntime.InferenceSession(graph, session_options(), providers=providers)
    except Exception as error:  # its exceptions share no narrower class
        raise InvalidBundle(f"{path} cannot be run with slots: {error}") from error
    num_streams = options.max_streams + _LEAVING_STREAMS
    return SlottedAcousticModel(bundle, session, precision, num_streams)
