"""The ratios that the figures of one run give."""

from collections.abc import Sequence

from bench.measures import Row
from bench.report import Report
from bench.scenarios import most_carried


def compare(report: Report, network_alone_s: float | None) -> dict[str, float]:
    """Ratios by name; those whose parts were left out are not in it."""
    files = _best(report.named("files, greedy"))
    ratios = _of_ceiling(report, files)
    for peer in report.named("peer: "):
        ratios |= _beside(files, peer)
    for decoder in ("greedy", "beam"):
        if levels := report.named(f"streams, {decoder}"):
            ratios[f"most streams carried, {decoder}"] = most_carried(levels)
        ratios |= _mixed(report, decoder)
    if kilobytes := _per_stream_kb(report.named("streams, greedy")):
        ratios["memory a live stream, kB"] = kilobytes
    lone = report.named("lone file")
    if lone and lone[0].final and network_alone_s:
        ratios["lone file, ms"] = 1e3 * lone[0].final.p50
        ratios["lone file's network alone, ms"] = 1e3 * network_alone_s
    return ratios


def _of_ceiling(report: Report, files: Row | None) -> dict[str, float]:
    """What files reach of what ONNX Runtime does alone: clips as they are, and longer ones."""
    ceiling = _best(report.named("raw ONNX Runtime"))
    if ceiling is None:
        return {}
    shown = {"files over HTTP": files} if files else {}
    for longer in report.named("files of"):
        name, _, decoder = longer.scenario.partition(", ")
        if decoder == "greedy":
            shown[name] = longer
    return {
        f"{name} / raw ONNX Runtime": row.audio_per_s / ceiling.audio_per_s
        for name, row in shown.items()
    }


def _best(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda row: row.audio_per_s, default=None)


def _beside(files: Row | None, peer: Row) -> dict[str, float]:
    """How the service does beside a peer: throughput of servers, CPU of PocketSphinx."""
    if files is None or not peer.audio_per_s:
        return {}
    name = peer.scenario.removeprefix("peer: ")
    if "files" in peer.scenario:
        return {f"files over HTTP / {name}": files.audio_per_s / peer.audio_per_s}
    if not (files.cpu_s_per_audio_hour and peer.cpu_s_per_audio_hour):
        return {}
    return {f"CPU of {name} / of files": peer.cpu_s_per_audio_hour / files.cpu_s_per_audio_hour}


def _mixed(report: Report, decoder: str) -> dict[str, float]:
    rows = report.named(f"mixed, {decoder}")
    if not rows or not (rows[0].final and rows[1].final and rows[2].final):
        return {}
    p99 = rows[1].final.p99 / rows[0].final.p99
    return {
        f"p99 of {rows[0].num_clients} streams beside a long file / alone, {decoder}": p99,
        f"the long file, times real time, {decoder}": rows[2].audio_per_s,
    }


def _per_stream_kb(levels: Sequence[Row]) -> float | None:
    """What each stream of the largest level that was carried adds to the smallest level."""
    fine = [row for row in levels if not row.num_errors and row.peak_rss_mb]
    if len(fine) < 2:
        return None
    low = min(fine, key=lambda row: row.num_clients)
    high = max(fine, key=lambda row: row.num_clients)
    assert low.peak_rss_mb is not None
    assert high.peak_rss_mb is not None
    return 1024 * (high.peak_rss_mb - low.peak_rss_mb) / (high.num_clients - low.num_clients)
