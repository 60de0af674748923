"""Silence where a container's timestamps leave a gap, and nowhere else."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.audio import AudioLimits, DecodedAudio, decode_audio, decode_channels
from service.engine.audio_track import BLOCK_SAMPLES, NativeBlock
from service.engine.errors import AudioTooLong
from service.engine.timeline import on_timeline
from tests.audio_samples import SAMPLE_FORMATS, chirp, encode_av, encode_pieces

RATE = 16_000
TONE = chirp(32 * 1024 / RATE, RATE)  # whole frames of every codec used here: 2.048 s
TONE_S = len(TONE) / RATE
BLOCK = NativeBlock(np.ones((2, RATE // 50), np.float32), RATE)  # 20 ms
BLOCK_S = BLOCK.duration_s


def decode(file: bytes) -> tuple[NDArray[np.float32], DecodedAudio]:
    audio = decode_audio(file, RATE, AudioLimits())
    return np.concatenate(list(audio)), audio


def onset_s(waveform: NDArray[np.float32]) -> float:
    return int(np.argmax(np.abs(waveform) > 0.05)) / RATE


def silences_s(timestamps_s: Sequence[float | None], origin_s: float | None = 0.0) -> list[float]:
    """The silence before each of equal blocks that have these timestamps."""
    silences, silence_s = [], 0.0
    for block in on_timeline(((BLOCK, time_s) for time_s in timestamps_s), origin_s):
        if block is not BLOCK:
            silence_s += block.duration_s
            continue
        silences.append(silence_s)
        silence_s = 0.0
    return silences


def steady(num_blocks: int, start_s: float = 0.0) -> list[float]:
    return [start_s + i * BLOCK_S for i in range(num_blocks)]


@pytest.mark.parametrize(
    ("container", "codec", "video"),
    [
        ("mp4", "aac", "mpeg4"),
        ("mov", "aac", "mpeg4"),
        ("matroska", "pcm_s16le", "mpeg4"),
        ("webm", "libopus", "libvpx"),
        ("mpegts", "mp2", "mpeg2video"),
        ("flv", "aac", "flv"),
        ("asf", "wmav2", "msmpeg4v3"),
    ],
)
def test_sound_that_begins_after_the_pictures_comes_when_a_player_plays_it(
    container: str, codec: str, video: str
) -> None:
    sample_rate = 48_000 if codec == "libopus" else RATE
    tone = chirp(2.0, sample_rate)
    at_once, _ = decode(encode_pieces([(0.0, tone)], sample_rate, container, codec, video=video))
    late, _ = decode(encode_pieces([(3.0, tone)], sample_rate, container, codec, video=video))
    assert onset_s(late) - onset_s(at_once) == pytest.approx(3.0, abs=0.15)
    tail = len(at_once) // 2
    np.testing.assert_allclose(late[-tail:], at_once[-tail:], atol=0.02)


@pytest.mark.parametrize("codec", ["mp2", "aac"])
def test_sound_is_found_that_begins_behind_what_ffmpeg_probes(codec: str) -> None:
    video = encode_pieces([(20.0, TONE)], RATE, "mpegts", codec, video="mpeg4", pictures="220")
    waveform, audio = decode(video)
    assert audio.duration_s == pytest.approx(20.0 + TONE_S, abs=0.2)
    assert onset_s(waveform) == pytest.approx(20.0, abs=0.1)


def test_a_gap_is_silent_and_what_follows_it_is_in_time() -> None:
    pieces = [(0.0, TONE), (TONE_S + 10.0, TONE), (30.0, TONE)]
    waveform, audio = decode(encode_pieces(pieces, RATE, "matroska", "pcm_s16le"))
    assert audio.duration_s == pytest.approx(30.0 + TONE_S, abs=1e-3)
    assert audio.declared_s == pytest.approx(audio.duration_s, abs=1e-3)
    expected = np.zeros(len(waveform), np.float32)
    for start_s, tone in pieces:
        start = round(start_s * RATE)
        expected[start : start + len(tone)] = tone
    np.testing.assert_allclose(waveform, expected, atol=1e-3)


def test_the_gap_of_an_mp4_is_silent() -> None:
    file = encode_pieces([(0.0, TONE), (TONE_S + 5.0, TONE)], RATE, "mp4", "aac")
    assert decode(file)[1].duration_s == pytest.approx(2 * TONE_S + 5.0, abs=0.1)


def test_the_declared_duration_counts_from_where_times_do() -> None:
    late = encode_pieces([(3.0, TONE)], RATE, "mp4", "aac", video="mpeg4")
    audio = decode(late)[1]
    assert audio.declared_s == pytest.approx(3.0 + TONE_S, abs=0.1)
    assert audio.duration_s == pytest.approx(audio.declared_s, abs=0.1)
    with pytest.raises(AudioTooLong):
        next(decode_audio(late, RATE, AudioLimits(3.0)))


@pytest.mark.parametrize(
    "start_s",
    [0.0, 90_000.0, 2**33 / 90_000 - 1.0],
    ids=["1.4 s", "25 hours", "33 bits run over"],
)
def test_where_a_transport_streams_clock_stands_is_no_silence(start_s: float) -> None:
    once = encode_pieces([(start_s, TONE)], RATE, "mpegts", "mp2")
    np.testing.assert_array_equal(
        decode(once)[0], decode(encode_av(TONE, RATE, "mpegts", "mp2"))[0]
    )


@pytest.mark.parametrize("name", ["ogg-vorbis", "ogg-opus", "flac", "mp3", "aac"])
def test_files_that_were_joined_follow_each_other(name: str) -> None:
    sample_format = SAMPLE_FORMATS[name]
    file = sample_format.encode(chirp(3.0, sample_format.sample_rate))
    assert decode(file * 3)[1].duration_s == pytest.approx(3 * 3.0, abs=0.3)


def test_transport_streams_that_were_joined_follow_each_other() -> None:
    parts = [encode_pieces([(start_s, TONE)], RATE, "mpegts", "mp2") for start_s in (0, 9_000, 5)]
    assert decode(b"".join(parts))[1].duration_s == pytest.approx(3 * TONE_S, abs=0.2)


def test_a_jump_of_years_is_a_clock_that_was_set_anew() -> None:
    file = encode_pieces([(0.0, TONE), (1e8, TONE)], RATE, "matroska", "pcm_s16le", live="1")
    np.testing.assert_allclose(decode(file)[0], np.tile(TONE, 2), atol=1e-3)


def test_gaps_do_not_get_past_the_limit() -> None:
    pieces = [(3_000.0 * i, TONE) for i in range(100)]
    file = encode_pieces(pieces, RATE, "matroska", "pcm_s16le", live="1")
    audio = decode_audio(file, RATE, AudioLimits(max_duration_s=60.0))
    with pytest.raises(AudioTooLong):
        for _ in audio:
            pass
    assert audio.duration_s <= 60.0


def test_silence_is_as_long_as_the_gap_in_blocks_that_stay_small() -> None:
    blocks = list(on_timeline([(BLOCK, 0.0), (BLOCK, 1_800.0)], 0.0))
    assert max(block.waveforms.size for block in blocks) <= BLOCK_SAMPLES
    assert {block.waveforms.shape[0] for block in blocks} == {2}
    assert sum(block.duration_s for block in blocks) == pytest.approx(1_800.0 + BLOCK_S)
    assert not any(block.waveforms.any() for block in blocks[1:-1])


def test_both_channels_are_silent_where_they_are_kept_apart() -> None:
    tones = np.stack([TONE, TONE / 2])
    blocks = [(NativeBlock(tones, RATE), 1.0)]
    (_, tone) = silence_and_tone = list(on_timeline(blocks, 0.0))
    assert [block.waveforms.shape for block in silence_and_tone] == [(2, RATE), tones.shape]
    assert tone.waveforms is tones
    file = encode_pieces([(1.0, TONE)], RATE, "matroska", "pcm_s16le", video="mpeg4")
    channels = np.concatenate(list(decode_channels(file, RATE, AudioLimits())), axis=1)
    assert channels.shape == (1, RATE + len(TONE))


@pytest.mark.parametrize("origin_s", [None, 0.0, 0.05])
def test_jitter_is_no_gap(origin_s: float | None) -> None:
    jitter_s = np.random.default_rng(0).uniform(-0.06, 0.06, 5_000)
    jitter_s[0] = 0.0
    timestamps_s = [time_s + jitter_s[i] for i, time_s in enumerate(steady(5_000))]
    assert sum(silences_s([round(time_s, 3) for time_s in timestamps_s], origin_s)) == 0.0


def test_small_gaps_add_up_and_are_filled_without_drift() -> None:
    """As of a recorder whose clock runs 1 % faster than that of its microphone."""
    silences = silences_s([1.01 * time_s for time_s in steady(10_000)])
    assert 0.149 < min(silence_s for silence_s in silences if silence_s) < 0.16
    assert sum(silences) == pytest.approx(0.01 * 10_000 * BLOCK_S, abs=0.16)


def test_what_was_late_only_once_does_not_delay_the_rest() -> None:
    timestamps_s = steady(400)
    for burst in (100, 200, 300):
        timestamps_s[burst] += 0.5
    assert sum(silences_s(timestamps_s)) == pytest.approx(0.5, abs=BLOCK_S)


def test_the_sound_of_opus_that_pauses_in_silence_stays_in_time() -> None:
    """Discontinuous transmission: a frame of 20 ms every 400 ms."""
    silences = silences_s([0.4 * i for i in range(50)])
    assert silences[1:] == pytest.approx([0.38] * 49)


def test_a_clock_that_was_set_back_is_followed_from_there() -> None:
    timestamps_s = [*steady(1_000, 1.4), *steady(100, 1.4), *steady(100, 13.4)]
    silences = silences_s(timestamps_s, 1.4)
    assert sum(silences[:1_100]) == 0.0
    assert sum(silences[1_100:]) == pytest.approx(10.0)


def test_unknown_timestamps_change_nothing() -> None:
    assert silences_s([None] * 50) == [0.0] * 50
    assert sum(silences_s([None] * 50, None)) == 0.0
    assert sum(silences_s([None, *steady(50)[1:]], None)) == 0.0


def test_one_timestamp_among_unknown_ones_is_enough() -> None:
    assert silences_s([None, None, 5.0, None, None]) == pytest.approx(
        [0.0, 0.0, 5.0 - 2 * BLOCK_S, 0.0, 0.0]
    )


@pytest.mark.parametrize("first_s", [1.0, 36_000.0])
def test_without_an_origin_the_first_timestamp_is_it(first_s: float) -> None:
    assert sum(silences_s(steady(10, first_s), None)) == 0.0


def test_packets_that_are_left_out_leave_silence() -> None:
    """So the times behind them are right."""
    sample_format = SAMPLE_FORMATS["flac"]
    file = bytearray(sample_format.encode(chirp(20.0, RATE)))
    start = len(file) // 4
    file[start : start + 3_000] = bytes(3_000)
    waveform, audio = decode(bytes(file))
    assert audio.duration_s == pytest.approx(20.0)
    np.testing.assert_allclose(waveform[-RATE:], chirp(20.0, RATE)[-RATE:], atol=1e-3)
