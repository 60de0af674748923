"""Mozilla Common Voice: `clips/` and tables in tab-separated files."""

import csv
from collections.abc import Iterator
from pathlib import Path

from training.corpora.candidate import Candidate, InvalidCorpus

_CORPUS = "common_voice"
_SPLITS = ("train", "dev", "test")
_COLUMNS = {"client_id", "path", "sentence"}


def read_common_voice(folder: Path) -> Iterator[Candidate]:
    """The clips of train.tsv, dev.tsv and test.tsv, and more for training from validated.tsv.

    validated.tsv also lists the clips of the other tables, and further ones of their speakers:
    what is taken from it are new clips of speakers that dev and test do not hold.
    """
    tables = {split: folder / f"{split}.tsv" for split in _SPLITS}
    validated = folder / "validated.tsv"
    if not any(table.is_file() for table in (*tables.values(), validated)):
        raise InvalidCorpus(f"{folder}: none of train, dev, test and validated.tsv is there")
    listed: list[Candidate] = []
    for split, table in tables.items():
        listed += _read_table(table, split)
    yield from listed
    held_out = {candidate.speaker for candidate in listed if candidate.split != "train"}
    known = {candidate.audio for candidate in listed}
    for candidate in _read_table(validated, "train"):
        if candidate.audio not in known and candidate.speaker not in held_out:
            yield candidate


def _read_table(table: Path, split: str) -> Iterator[Candidate]:
    """Candidates of one table; none where a release comes without it."""
    if not table.is_file():
        return
    with table.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = _COLUMNS.difference(rows.fieldnames or ())
        if missing:
            raise InvalidCorpus(f"{table}: no column {', '.join(sorted(missing))}")
        for row in rows:
            audio = table.parent / "clips" / row["path"]
            speaker = f"{_CORPUS}-{row['client_id']}"
            yield Candidate(audio, row["sentence"] or "", _CORPUS, speaker, split)
