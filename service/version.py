"""The version of the installed service."""

from importlib.metadata import PackageNotFoundError, version


def service_version() -> str:
    """As `pyproject.toml` has it; 0 where the source runs without being installed."""
    try:
        return version("longwave")
    except PackageNotFoundError:
        return "0"
