"""`longwave align`: when each word of the training speech is said, as PocketSphinx finds it."""

import argparse
import sys
from pathlib import Path

from service.engine.errors import EngineError
from training.alignments import AlignedWord, write_alignments
from training.manifest import InvalidManifest, Utterance, read_selected
from training.pocketsphinx import SAMPLE_RATE, Align, NoPocketSphinx, load_aligner
from training.pronunciation import InvalidLexicon, read_lexicon
from training.recordings import read_waveform


def run(arguments: argparse.Namespace) -> int:
    """Align as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        utterances = read_selected(arguments.manifest, [arguments.split], arguments.corpus)
        lexicon = read_lexicon(arguments.lexicon) if arguments.lexicon else {}
        alignments = align_all(utterances, load_aligner(lexicon))
        write_alignments(arguments.output, alignments)
    except (InvalidManifest, InvalidLexicon, NoPocketSphinx, EngineError, OSError) as error:
        print(f"longwave align: {error}", file=sys.stderr)
        return 2
    print(f"{len(alignments)} of {len(utterances)} recordings aligned", file=sys.stderr)
    return 0


def align_all(utterances: list[Utterance], align: Align) -> dict[Path, list[AlignedWord]]:
    """The words of all that can be aligned; the others are left out.

    Raises InvalidAudio where a recording cannot be read.
    """
    found = {
        utterance.audio: align(read_waveform(utterance.audio, SAMPLE_RATE), utterance.text)
        for utterance in utterances
    }
    return {audio: words for audio, words in found.items() if words}
