"""The acoustic model of a bundle, run by ONNX Runtime, with its states in the host's memory."""

import logging
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from service.engine.acoustic import AcousticModel, State, check_waveforms
from service.engine.bundle import Bundle
from service.engine.errors import InvalidBundle, ProviderUnavailable
from service.engine.onnx_interface import Tensor, check_interface, expected_inputs, expected_outputs
from service.engine.options import Provider, RuntimeOptions

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"
MODEL_FILES: Final = {"float32": "model.onnx", "float16": "model.onnx", "int8": "model.int8.onnx"}

logger = logging.getLogger(__name__)


class OnnxAcousticModel:
    """An `AcousticModel` on an ONNX Runtime session. Safe for any number of threads."""

    def __init__(self, bundle: Bundle, session: Any, precision: str) -> None:
        self._bundle = bundle
        self._session = session
        self._precision = precision
        self._output_names = [tensor.name for tensor in expected_outputs(bundle)]
        self._state_names = [spec.name for spec in bundle.state]
        self._shapes = [spec.shape for spec in bundle.state]
        self._dtypes = [np.dtype(spec.dtype) for spec in bundle.state]

    @property
    def provider(self) -> str:
        provider: str = self._session.get_providers()[0]
        return provider

    @property
    def precision(self) -> str:
        return self._precision

    def initial_state(self) -> State:
        return tuple(np.zeros(spec.shape, spec.dtype) for spec in self._bundle.state)

    def step(
        self, waveforms: NDArray[np.float32], states: Sequence[State]
    ) -> tuple[NDArray[np.float32], list[State]]:
        """As `AcousticModel.step`.

        Raises:
            ValueError: the waveforms or a state have another shape or type than the bundle says.
        """
        self.validate(waveforms, states)
        feeds: dict[str, NDArray[Any]] = {"waveform": waveforms}
        for name, tensors in zip(self._state_names, zip(*states, strict=True), strict=True):
            feeds[name] = _joined(tensors)
        log_probs, *next_states = self._session.run(self._output_names, feeds)
        rows = range(len(states))
        return log_probs, [tuple(_copied(tensor[row]) for tensor in next_states) for row in rows]

    def validate(self, waveforms: NDArray[np.float32], states: Sequence[State]) -> None:
        """Raise ValueError where `step` could not take these."""
        check_waveforms(self._bundle.framing, waveforms, len(states))
        for state in states:
            shapes, dtypes = [each.shape for each in state], [each.dtype for each in state]
            if shapes != self._shapes or dtypes != self._dtypes:
                raise ValueError(
                    f"a state is {shapes} {dtypes}; this model's is {self._shapes} {self._dtypes}"
                )


# Through bytes, because numpy's own functions give up the interpreter's lock for every few hundred
# values, and to wait for it again, a dozen times a stream and step, costs more than to copy them.


def _joined(tensors: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    """[*shape] each to [B, *shape]."""
    first, together = tensors[0], b"".join(tensor.data for tensor in tensors)
    return np.frombuffer(together, first.dtype).reshape(len(tensors), *first.shape)


def _copied(row: NDArray[np.generic]) -> NDArray[np.generic]:
    """A copy: a view would keep the whole batch's state alive as long as its stream is silent."""
    return np.frombuffer(row.tobytes(), row.dtype).reshape(row.shape)


def load_acoustic_model(bundle: Bundle, options: RuntimeOptions) -> AcousticModel:
    """Open the bundle's model where the options say, and step it once.

    Where CUDA was asked for and cannot be had, the CPU runs the model, with a warning.

    Raises:
        InvalidBundle: the graph cannot be loaded or is not what the bundle describes.
        ProviderUnavailable: a GPU is required and not there.
    """
    provider = _wanted_provider(options)
    session = _open_session(bundle, options, provider)
    if session.get_providers()[0] != provider:  # ONNX Runtime falls back without an exception
        provider = CPU
        session = _open_session(bundle, options, provider)
    _check_provider(provider, options)
    model = OnnxAcousticModel(bundle, session, chosen_precision(bundle, options, provider))
    _check_step(model, bundle)
    return model if provider == CPU else _on_device(bundle, options, provider)


def _on_device(bundle: Bundle, options: RuntimeOptions, provider: str) -> AcousticModel:
    # Here, because it builds on this module and needs a package that only GPUs need.
    from service.engine.onnx_slots import load_slotted_model

    return load_slotted_model(bundle, options, provider)


def chosen_precision(bundle: Bundle, options: RuntimeOptions, provider: str) -> str:
    """What `auto` means: int8 where a CPU runs a bundle that has it, else float32."""
    if options.precision != "auto":
        return options.precision
    return "int8" if provider == CPU and MODEL_FILES["int8"] in bundle.files else "float32"


def model_graph(bundle: Bundle, precision: str) -> bytes:
    """The serialised graph that computes in a precision.

    Raises:
        InvalidBundle: it has to be made, and what makes it is not installed.
    """
    graph = (bundle.folder / MODEL_FILES[precision]).read_bytes()
    if precision != "float16":
        return graph
    from service.engine.onnx_half_graph import halved

    try:
        return halved(graph)
    except ImportError:
        raise InvalidBundle(
            "float16 needs the package onnx: install the extra [gpu], or ask for another precision"
        ) from None


def missing_gpu(asked: Provider, provider: str) -> str | None:
    """Why a model that runs on `provider` was to run on a GPU; None where it was not, or does.

    Whoever installs the runtime for GPUs wants one, also where nothing else says so.
    """
    if provider == CUDA:
        return None
    if asked == "cuda":
        return "CUDA was asked for"
    return "The runtime for GPUs is installed" if asked == "auto" and _has_cuda() else None


def _wanted_provider(options: RuntimeOptions) -> str:
    if options.provider == "cpu" or not _has_cuda():
        return CPU
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # finds the CUDA libraries that came as Python packages
    return CUDA


def _has_cuda() -> bool:
    """Whether the installed runtime knows CUDA; there may be no GPU all the same."""
    return CUDA in onnxruntime.get_available_providers()


def _open_session(bundle: Bundle, options: RuntimeOptions, provider: str) -> Any:
    precision = chosen_precision(bundle, options, provider)
    name = MODEL_FILES[precision]
    if name not in bundle.files:
        raise InvalidBundle(f"{bundle.folder} has no {name}; ask for another precision")
    providers = [provider] if provider == CPU else [provider, CPU]
    try:
        session = onnxruntime.InferenceSession(
            model_graph(bundle, precision), session_options(), providers=providers
        )
    except Exception as error:  # its exceptions share no narrower class
        raise InvalidBundle(f"{bundle.folder / name} cannot be loaded: {error}") from error
    check_interface(name, "input", expected_inputs(bundle), _tensors(session.get_inputs()))
    check_interface(name, "output", expected_outputs(bundle), _tensors(session.get_outputs()))
    return session


def session_options() -> Any:
    """ONNX Runtime's options for a session of which several batches run at once."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = 1  # batches are what runs side by side, one a worker
    chosen.inter_op_num_threads = 1
    for threads in ("intra_op", "inter_op"):  # spinning burns the cores that other workers need
        chosen.add_session_config_entry(f"session.{threads}.allow_spinning", "0")
    return chosen


def _tensors(nodes: Sequence[Any]) -> list[Tensor]:
    return [Tensor(node.name, node.type, tuple(node.shape)) for node in nodes]


def _check_provider(provider: str, options: RuntimeOptions) -> None:
    if provider == CUDA:
        return
    if options.require_gpu:
        raise ProviderUnavailable(
            f"a GPU is required, but only {provider} is available: install the extra [gpu] and "
            "check the driver with nvidia-smi, or do not require a GPU"
        )
    reason = missing_gpu(options.provider, provider)
    if reason:
        logger.warning(
            "%s, but the model runs on %s. Check the driver with nvidia-smi, and that the extra "
            "[gpu] is installed.",
            reason,
            provider,
        )


def _check_step(model: OnnxAcousticModel, bundle: Bundle) -> None:
    """Step two streams by a live chunk: what the graph's declared shapes left open shows now."""
    num_frames = bundle.chunk_frames.live
    waveforms = np.zeros((2, bundle.samples_per_live_chunk), np.float32)
    states = [model.initial_state(), model.initial_state()]
    try:
        log_probs, next_states = model.step(waveforms, states)
        model.validate(waveforms, next_states)
    except Exception as error:  # as above
        raise InvalidBundle(f"{bundle.folder}: the model cannot be stepped: {error}") from error
    expected = (2, num_frames, bundle.num_outputs)
    if log_probs.shape != expected:
        raise InvalidBundle(
            f"{bundle.folder}: log_probs are {list(log_probs.shape)}, not {list(expected)}"
        )
