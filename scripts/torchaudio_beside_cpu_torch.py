"""Makes torchaudio's wheel import beside a CPU build of PyTorch.

The wheel's compiled extension links CUDA libraries that a CPU build does not bring, and its import
fails on them. With the extension absent torchaudio knows it and its Python part works: compliance,
transforms, functional and datasets. Beside a CUDA build of PyTorch nothing is changed.
"""

from importlib.util import find_spec
from pathlib import Path

import torch


def compiled_extensions() -> list[Path]:
    """The shared libraries of the installed torchaudio, found without importing it."""
    spec = find_spec("torchaudio")
    if spec is None or spec.origin is None:
        raise SystemExit("torchaudio is not installed here")
    return sorted((Path(spec.origin).parent / "lib").glob("*.so"))


def main() -> None:
    if torch.version.cuda is not None:
        return
    for library in compiled_extensions():
        library.unlink()


if __name__ == "__main__":
    main()
