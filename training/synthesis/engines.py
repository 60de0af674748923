"""The synthesisers: programs that turn text into wave files. Each is used where it is installed."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_S = 600.0
# Debian's.
_PACKAGES = "espeak-ng, flite, festival, festvox-kallpc16k, festvox-kdlpc16k, festvox-us-slt-hts"


@dataclass(frozen=True, slots=True)
class Speech:
    """A sentence to speak into a wave file."""

    text: str
    voice: str
    rate: float  # relative to the voice's own
    semitones: float  # of pitch, relative to the voice's own
    output: Path


@dataclass(frozen=True, slots=True)
class Engine:
    """A synthesiser. `speak` leaves out the file of what it could not speak; raises nothing."""

    program: str
    voices: Callable[[], list[str]]
    speak: Callable[[Sequence[Speech]], None]


class NoSynthesiser(Exception):
    """A synthesiser is not installed, or has no voice. The message names the remedy."""


def installed_voices(
    engines: Mapping[str, Engine], wanted: Sequence[str] = ()
) -> dict[str, list[str]]:
    """The voices of the `wanted` engines, or of all that are installed. Raises NoSynthesiser."""
    missing = [name for name in wanted if not shutil.which(engines[name].program)]
    present = [name for name in engines if shutil.which(engines[name].program)]
    voices = {name: engines[name].voices() for name in (wanted or present) if name not in missing}
    lacking = [*missing, *(name for name, names in voices.items() if not names)]
    if lacking or not voices:
        what = ", ".join(lacking or engines)
        raise NoSynthesiser(f"no voice of {what} is installed (Debian's packages: {_PACKAGES})")
    return voices


# Of espeak-ng's variants these sound like no person.
_NOT_HUMAN = re.compile("robo|announcer|demonic|^fast$|whisper|storm|tweaky", re.IGNORECASE)
_ESPEAK_VOICE = re.compile(r"^\s*\d+\s+(en\S*)\s+\S+\s+\S+\s+gmw/", re.MULTILINE)
_ESPEAK_VARIANT = re.compile(r"!v/(\S+(?: \S+)*)\s", re.MULTILINE)
_ESPEAK_WORDS_PER_MINUTE = 175
_ESPEAK_PITCH, _ESPEAK_PITCH_A_SEMITONE = 50, 6  # of its scale from 0 to 99


def _espeak_voices() -> list[str]:
    """Every accent of English with every variant."""
    accents = sorted(set(_ESPEAK_VOICE.findall(_output("espeak-ng", "--voices=en"))))
    listed = _ESPEAK_VARIANT.findall(_output("espeak-ng", "--voices=variant"))
    variants = sorted({name for name in listed if not _NOT_HUMAN.search(name)})
    return [f"{accent}+{variant}" for accent in accents for variant in variants]


def _espeak(speeches: Sequence[Speech]) -> None:
    for speech in speeches:
        pitch = _ESPEAK_PITCH + round(_ESPEAK_PITCH_A_SEMITONE * speech.semitones)
        words_per_minute = round(_ESPEAK_WORDS_PER_MINUTE * speech.rate)
        settings = ("-p", str(min(max(pitch, 0), 99)), "-s", str(words_per_minute))
        _run(["espeak-ng", "-v", speech.voice, *settings, "-w", str(speech.output), speech.text])


def _flite_voices() -> list[str]:
    """Those at 16 kHz: `kal` speaks at 8, `awb_time` only tells the time."""
    names = _output("flite", "-lv").partition(":")[2].split()
    return sorted(set(names) - {"kal", "awb_time"})


def _flite(speeches: Sequence[Speech]) -> None:
    for speech in speeches:
        stretch = f"duration_stretch={1 / speech.rate:.3f}"
        shift = f"f0_shift={_ratio(speech.semitones):.3f}"
        words = ["-voice", speech.voice, "--setf", stretch, "--setf", shift, "-t", speech.text]
        _run(["flite", *words, "-o", str(speech.output)])


_FESTIVAL_VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")
_FESTIVAL_LIST = '(mapcar (lambda (voice) (format t "%s\\n" voice)) (voice.list))'
_DIPHONE_F0_HZ, _DIPHONE_STRETCH = 105, 1.1


def _festival_voices() -> list[str]:
    installed = _output("festival", "--batch", _FESTIVAL_LIST).split()
    return [voice for voice in _FESTIVAL_VOICES if voice in installed]


def _festival(speeches: Sequence[Speech]) -> None:
    """One process for all: it starts slowly."""
    _run(["festival", "--pipe"], "\n".join(map(_festival_script, speeches)))


def _festival_script(speech: Speech) -> str:
    """Scheme that speaks into the file, or goes on with the next sentence where that fails."""
    if speech.voice.endswith("hts"):  # has no setting for pitch
        own = f"{speech.voice}::hts_engine_params"
        manner = f'(set! hts_engine_params (append {own} (list \'("-r" {speech.rate:.3f}))))'
    else:
        f0_hz = _DIPHONE_F0_HZ * _ratio(speech.semitones)
        manner = (
            f"(Parameter.set 'Duration_Stretch {_DIPHONE_STRETCH / speech.rate:.3f})"
            f"(set! int_lr_params '((target_f0_mean {f0_hz:.1f}) (target_f0_std 14)"
            " (model_f0_mean 170) (model_f0_std 34)))"
        )
    wave = f'(utt.save.wave (SynthText "{speech.text}") "{speech.output}" \'riff)'
    return f"(voice_{speech.voice}){manner}(unwind-protect {wave} nil)"


def _ratio(semitones: float) -> float:
    return float(2 ** (semitones / 12))


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _run(command: Sequence[str], script: str = "") -> None:
    """Run a synthesiser. That it failed shows in the file that is not there."""
    try:
        subprocess.run(
            command, input=script, text=True, capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return


ENGINES: Mapping[str, Engine] = {
    "espeak": Engine("espeak-ng", _espeak_voices, _espeak),
    "flite": Engine("flite", _flite_voices, _flite),
    "festival": Engine("festival", _festival_voices, _festival),
}
