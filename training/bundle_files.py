"""Changing a bundle that is there already: its language model, its lexicon, how it decodes."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.engine.bundle import (
    DESCRIPTION,
    LANGUAGE_MODEL,
    LEXICON,
    RULES,
    load_bundle,
    sha256,
)
from service.engine.language_model import load_language_model
from service.engine.letter_to_sound import read_rules
from service.engine.lexicon import read_lexicon


@dataclass(frozen=True, slots=True)
class DecodingFiles:
    """What a bundle may have besides its acoustic model: each a file, or none."""

    language_model: Path | None = None
    lexicon: Path | None = None
    rules: Path | None = None

    def put_into(self, folder: Path) -> None:
        """Put those that there are into a bundle. Raises InvalidBundle, OSError."""
        if self.language_model:
            put_language_model(folder, self.language_model)
        if self.lexicon:
            put_lexicon(folder, self.lexicon)
        if self.rules:
            put_rules(folder, self.rules)


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Write bundle.json, whole or not at all. Raises OSError."""
    draft = folder / f"{DESCRIPTION}.draft"
    text = json.dumps(description, indent=1, ensure_ascii=False)
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(folder / DESCRIPTION)


def update_description(folder: Path, values: dict[str, Any]) -> None:
    """Change some of what bundle.json says. Raises OSError."""
    write_description(folder, {**_description(folder), **values})


def put_language_model(folder: Path, model: Path) -> None:
    """Put a language model into a bundle, in place of one that it may have.

    Raises:
        InvalidBundle: the bundle is damaged, or the model is, or has letters that it has not.
        OSError.
    """
    load_language_model(model, load_bundle(folder).vocabulary)
    _put(folder, model, LANGUAGE_MODEL)


def put_lexicon(folder: Path, lexicon: Path) -> None:
    """Put a lexicon into a bundle, in place of one that it may have.

    Raises:
        InvalidBundle: the bundle is damaged, or the lexicon has phonemes that its model has not.
        OSError.
    """
    _put_said(folder, lexicon, LEXICON, read_lexicon)


def put_rules(folder: Path, rules: Path) -> None:
    """Put letter-to-sound rules into a bundle, in place of those that it may have.

    Raises:
        InvalidBundle: the bundle is damaged, or the rules have phonemes that its model has not.
        OSError.
    """
    _put_said(folder, rules, RULES, read_rules)


def _put_said(
    folder: Path, file: Path, name: str, read: Callable[[Path, Sequence[str]], object]
) -> None:
    read(file, load_bundle(folder).phonemes)
    _put(folder, file, name)


def _put(folder: Path, file: Path, name: str) -> None:
    target = folder / name
    if file.resolve() != target.resolve():
        shutil.copyfile(file, target)
    description = _description(folder)
    description["files"][name] = sha256(target)
    write_description(folder, description)


def update_decoding(folder: Path, values: dict[str, Any]) -> None:
    """Change some of a bundle's decoding defaults. Raises InvalidBundle, OSError."""
    load_bundle(folder)
    before = _description(folder)
    write_description(folder, {**before, "decoding": {**before["decoding"], **values}})
    try:
        load_bundle(folder)
    except Exception:
        write_description(folder, before)
        raise


def _description(folder: Path) -> dict[str, Any]:
    description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    return description
