"""What each condition does to a recording."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from service.engine.errors import InvalidAudio
from training.channel import Waveform
from training.conditions import CONDITIONS, Conditioner, InvalidCondition, load_noises
from training.recordings import read_waveform

SAMPLE_RATE = 16000
NOISE = np.random.default_rng(1).standard_normal(SAMPLE_RATE).astype(np.float32) * 0.1


def under(condition: str, waveform: Waveform, name: str = "a") -> Waveform:
    return Conditioner(condition, SAMPLE_RATE, [NOISE, NOISE[::-1]])(waveform, name)


def tone(hertz: float, peak: float = 0.5, num_samples: int = SAMPLE_RATE) -> Waveform:
    times_s = np.arange(num_samples) / SAMPLE_RATE
    return np.asarray(peak * np.sin(2 * np.pi * hertz * times_s), np.float32)


def level_db(waveform: Waveform) -> float:
    return float(10 * np.log10(np.square(waveform).mean()))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_is_the_same_every_time_and_keeps_the_length(condition: str) -> None:
    waveform = tone(440, num_samples=SAMPLE_RATE + 7)
    changed = under(condition, waveform)
    assert changed.shape == waveform.shape
    assert changed.dtype == np.float32
    assert np.abs(changed).max() <= 1.0
    np.testing.assert_array_equal(changed, under(condition, waveform))
    assert np.isfinite(under(condition, np.zeros(800, np.float32))).all()


def test_clean_is_as_it_was() -> None:
    np.testing.assert_array_equal(under("clean", tone(440)), tone(440))


def test_a_telephone_passes_its_band_only() -> None:
    kept, *lost = (level_db(under("telephone", tone(hertz))) for hertz in (1000, 60, 5000))
    assert kept == pytest.approx(level_db(tone(1000)), abs=0.5)
    assert max(lost) < kept - 30


def test_levels() -> None:
    assert np.abs(under("quiet", tone(440))).max() == pytest.approx(0.01, abs=1e-4)
    loud = under("loud", tone(440, peak=0.01))
    assert (np.abs(loud) == 1.0).mean() > 0.5
    steps = under("quiet", tone(440)) * 32767
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


@pytest.mark.parametrize(("condition", "snr_db"), [("noise10", 10), ("noise5", 5)])
def test_noise_has_its_level(condition: str, snr_db: float) -> None:
    speech = tone(440, peak=0.2)
    noise = under(condition, speech) - speech
    assert level_db(speech) - level_db(noise) == pytest.approx(snr_db, abs=0.1)
    assert not np.array_equal(under(condition, speech), under(condition, speech, name="b"))


def test_a_room_rings_on_and_leaves_the_first_sound_in_place() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[4000] = 0.5
    heard = under("reverb", click)
    assert abs(heard[3999:4002]).max() > 0.3 * np.abs(heard).max()
    before = np.abs(heard[:3900]).max()  # only what a zero-phase filter leaves, below 10 Hz
    assert before < 0.05 * np.abs(heard).max()
    assert np.square(heard[4200:]).sum() > 0.02 * np.square(heard).sum()
    assert not np.array_equal(heard, under("reverb", click, name="b"))


def test_noise_is_read_from_a_folder_and_its_subfolders(tmp_path: Path) -> None:
    (tmp_path / "rain").mkdir()
    soundfile.write(tmp_path / "rain" / "a.flac", np.zeros(800), 8000)
    (noise,) = load_noises(tmp_path, SAMPLE_RATE)
    assert len(noise) == 1600
    (tmp_path / "bad.wav").write_bytes(b"nothing")
    with pytest.raises(InvalidAudio, match=r"bad\.wav: "):
        load_noises(tmp_path, SAMPLE_RATE)
    with pytest.raises(InvalidCondition, match="no recordings of noise"):
        load_noises(tmp_path / "none", SAMPLE_RATE)


@pytest.mark.parametrize("num_samples", [0, 1])
def test_a_recording_without_a_sample_is_named(tmp_path: Path, num_samples: int) -> None:
    soundfile.write(tmp_path / "short.wav", np.zeros(num_samples), 48_000)
    with pytest.raises(InvalidAudio, match=r"short\.wav: "):
        read_waveform(tmp_path / "short.wav", SAMPLE_RATE)
