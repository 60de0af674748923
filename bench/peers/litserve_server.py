"""The same behind LitServe, as its documentation serves a model.

python -m bench.peers.litserve_server FOLDER MODEL_FILE NUM_THREADS PORT
"""

import base64
import sys
from pathlib import Path
from typing import Any

import litserve

from bench.peers.whole_file import WholeFileRecogniser


class TranscribeAPI(litserve.LitAPI):  # type: ignore[misc]
    """One call of the graph a request; LitServe's own queue, workers and routes."""

    def __init__(self, folder: Path, model_file: str, num_threads: int) -> None:
        super().__init__(api_path="/transcribe")
        self._arguments = (folder, model_file, num_threads)

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe passes it by name
        self._recogniser = WholeFileRecogniser(*self._arguments)

    def decode_request(self, request: dict[str, str]) -> bytes:
        return base64.b64decode(request["audio"])

    def predict(self, file: bytes) -> str:
        return self._recogniser.text(file)

    def encode_response(self, text: str) -> dict[str, Any]:
        return {"text": text}


def main(folder: str, model_file: str, num_threads: str, port: str) -> None:
    api = TranscribeAPI(Path(folder), model_file, int(num_threads))
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=2, timeout=60)
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
