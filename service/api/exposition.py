"""What the engine and the uploads count, in Prometheus's text format."""

from collections.abc import Iterator, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from service.api.upload import Uploads
from service.engine.options import Priority
from service.engine.recognizer import Recognizer
from service.settings import Settings
from service.version import service_version

_INFO = ("version", "model", "provider", "precision")


def exposed(recognizer: Recognizer, uploads: Uploads, settings: Settings) -> tuple[bytes, str]:
    """All metrics as text, and the content type of that."""
    registry = CollectorRegistry()
    registry.register(_ServiceCollector(recognizer, uploads, settings))
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _ServiceCollector(Collector):
    """Reads off, whenever somebody asks, what is counted anyway."""

    def __init__(self, recognizer: Recognizer, uploads: Uploads, settings: Settings) -> None:
        self._recognizer = recognizer
        self._uploads = uploads
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        yield from self._gauges()
        yield from self._counters()

    def _gauges(self) -> Iterator[Metric]:
        recognizer, settings = self._recognizer, self._settings
        info = GaugeMetricFamily("longwave_info", "What runs; always 1.", labels=_INFO)
        runs = recognizer.bundle.name, recognizer.provider, recognizer.precision
        info.add_metric([service_version(), *runs], 1)
        yield info
        streams = GaugeMetricFamily("longwave_streams", "Open streams.", labels=["priority"])
        yield _by_priority(streams, recognizer.tally.num_open)
        yield _gauge("streams_max", "Streams that may be open at once.", settings.max_streams)
        num_held = self._uploads.num_held
        yield _gauge("uploads", "Files that are being received or recognised.", num_held)
        delay_s, max_delay_s = recognizer.live_delay_s, settings.max_delay_ms / 1000
        yield _gauge("live_delay_seconds", "How late live steps are, on average.", delay_s)
        yield _gauge("live_delay_max_seconds", "Delay that lets nobody in any more.", max_delay_s)

    def _counters(self) -> Iterator[Metric]:
        tally, sample_rate = self._recognizer.tally, self._recognizer.bundle.framing.sample_rate
        audio_s = {priority: tally.num_samples[priority] / sample_rate for priority in Priority}
        opened, steps = tally.num_admitted, tally.num_jobs
        yield _counters_by_priority("streams_opened", "Streams that were opened.", opened)
        yield _counters_by_priority("audio_seconds", "Seconds of audio that came.", audio_s)
        yield _counters_by_priority("steps", "Steps of streams that the model ran.", steps)
        num_refused = tally.num_refused + self._uploads.num_refused
        yield _counter("refusals", "Streams and files that were refused.", num_refused)
        yield _counter("failed_steps", "Steps that raised an error.", tally.num_failed)
        yield _counter("batches", "Batches that the model ran.", tally.num_batches)
        yield _counter("busy_seconds", "Seconds that workers ran batches.", tally.busy_s)


def _by_priority(
    family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[Priority, float]
) -> Metric:
    for priority in Priority:
        family.add_metric([priority.value], values[priority])
    return family


def _counters_by_priority(
    name: str, documentation: str, values: Mapping[Priority, float]
) -> Metric:
    family = CounterMetricFamily(f"longwave_{name}", documentation, labels=["priority"])
    return _by_priority(family, values)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"longwave_{name}", documentation, value=value)


def _counter(name: str, documentation: str, value: float) -> Metric:
    return CounterMetricFamily(f"longwave_{name}", documentation, value=value)
