"""A plain FastAPI handler: one call of the graph a request, no batching, no state.

python -m bench.peers.plain_server FOLDER MODEL_FILE NUM_THREADS PORT
"""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

from bench.peers.whole_file import WholeFileRecogniser


def create_app(recogniser: WholeFileRecogniser) -> FastAPI:
    """`POST /transcribe` calls the graph in the thread pool, so that the event loop goes on."""
    app = FastAPI()

    @app.post("/transcribe")
    async def transcribe(request: Request) -> dict[str, str]:
        file = await request.body()
        return {"text": await run_in_threadpool(recogniser.text, file)}

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main(folder: str, model_file: str, num_threads: str, port: str) -> None:
    recogniser = WholeFileRecogniser(Path(folder), model_file, int(num_threads))
    uvicorn.run(create_app(recogniser), host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
