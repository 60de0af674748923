"""`longwave corpora`: several corpora into one manifest, with a report of what was left out."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.corpora import READERS, Candidate, InvalidCorpus
from training.corpora.limits import Limits
from training.corpora.selection import Selection, select
from training.json_files import write_json
from training.manifest import write_manifest

_SECONDS_PER_HOUR = 3600


def run(arguments: argparse.Namespace) -> int:
    """Merge the named corpora. Returns the exit code: 2 where they cannot be read."""
    folders = {name: getattr(arguments, name.replace("-", "_")) for name in READERS}
    limits = Limits(arguments.min_duration_s, arguments.max_duration_s, arguments.frame_s)
    try:
        if not any(folders.values()):
            raise InvalidCorpus(f"name a folder: {', '.join(f'--{name} DIR' for name in folders)}")
        selection = select(_candidates(folders), limits)
        if selection.utterances:
            write_manifest(arguments.output, selection.utterances)
        _write_report(report_path(arguments.output), selection)
    except (InvalidCorpus, OSError) as error:
        print(f"longwave corpora: {error}", file=sys.stderr)
        return 2
    print(_table(selection), file=sys.stderr)
    if not selection.utterances:
        print("longwave corpora: no utterance was found, so none is written", file=sys.stderr)
    return 0 if selection.utterances else 2


def report_path(manifest: Path) -> Path:
    """Where the report on a manifest lies: beside it."""
    return manifest.with_suffix(".report.json")


def _candidates(folders: dict[str, Sequence[Path]]) -> Iterator[Candidate]:
    for name, read in READERS.items():
        for folder in folders[name]:
            try:
                yield from read(folder)
            except UnicodeDecodeError as error:
                raise InvalidCorpus(f"a text below {folder} is not in UTF-8: {error}") from error


def _totals(selection: Selection) -> dict[tuple[str, str], tuple[int, float]]:
    """Utterances and hours by corpus and split."""
    durations_s: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for utterance in selection.utterances:
        durations_s[utterance.corpus, utterance.split].append(utterance.duration_s)
    return {
        key: (len(durations_s[key]), sum(durations_s[key]) / _SECONDS_PER_HOUR)
        for key in sorted(durations_s)
    }


def _write_report(path: Path, selection: Selection) -> None:
    report = {
        "utterances": [
            {"corpus": corpus, "split": split, "utterances": count, "hours": round(hours, 4)}
            for (corpus, split), (count, hours) in _totals(selection).items()
        ],
        "left_out_by_cause": selection.counts_by_cause(),
        "left_out": [
            {
                "audio_filepath": str(rejection.audio),
                "corpus": rejection.corpus,
                "cause": rejection.cause,
                "detail": rejection.detail,
            }
            for rejection in selection.rejections
        ],
    }
    write_json(path, report)


def _table(selection: Selection) -> str:
    lines = [f"{'corpus':<20} {'split':<6} {'utterances':>10} {'hours':>8}"]
    for (corpus, split), (count, hours) in _totals(selection).items():
        lines.append(f"{corpus:<20} {split:<6} {count:>10} {hours:>8.2f}")
    lines += ["", f"{'left out because':<27} {'utterances':>10}"]
    lines += [f"{cause:<27} {count:>10}" for cause, count in selection.counts_by_cause().items()]
    return "\n".join(lines)
