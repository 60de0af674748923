"""Who may import whom: the arrows of the architecture, read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WEB = {"fastapi", "pydantic", "starlette", "uvicorn"}
RUNTIME_FILES = {Path("service/engine/onnx_acoustic.py"), Path("service/engine/onnx_slots.py")}


def sources(folder: str) -> list[Path]:
    return [path.relative_to(ROOT) for path in sorted((ROOT / folder).rglob("*.py"))]


def imported_names(path: Path) -> Iterator[str]:
    """Every module that the file imports, at its top or inside a function, with what it takes."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def belongs(name: str, module: str) -> bool:
    return f"{name}.".startswith(f"{module}.")


def forbidden_imports(path: Path, modules: set[str]) -> list[str]:
    return [
        name for name in imported_names(path) if any(belongs(name, module) for module in modules)
    ]


def imports_of_the_edge(path: Path) -> list[str]:
    """All that the file imports of the service but the engine; a new module needs no list."""
    return [
        name for name in forbidden_imports(path, {"service"}) if not belongs(name, "service.engine")
    ]


@pytest.mark.parametrize("path", sources("service"), ids=str)
def test_service_imports_no_training_and_no_torch(path: Path) -> None:
    assert forbidden_imports(path, {"bench", "training", "torch", "torchaudio"}) == []


@pytest.mark.parametrize("path", sources("service/engine"), ids=str)
def test_engine_knows_no_web_framework_and_nothing_of_the_edge(path: Path) -> None:
    assert forbidden_imports(path, WEB) == []
    assert imports_of_the_edge(path) == []


def test_the_runtime_is_imported_where_the_model_is_run_only() -> None:
    importers = {path for path in sources("service") if forbidden_imports(path, {"onnxruntime"})}
    assert importers == RUNTIME_FILES


@pytest.mark.parametrize("path", sources("training"), ids=str)
def test_training_imports_nothing_of_the_service_but_the_engine(path: Path) -> None:
    assert imports_of_the_edge(path) == []


@pytest.mark.parametrize("path", sources("bench"), ids=str)
def test_bench_imports_no_training_and_no_torch(path: Path) -> None:
    assert forbidden_imports(path, {"training", "torch", "torchaudio"}) == []
