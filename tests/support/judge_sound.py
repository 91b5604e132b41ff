"""Judges a received recording (WAV, 16 bit, mono) against the tone that was sent: its frequency, its purity, its gaps."""
import array
import dataclasses
import math
import sys
import wave

MAX_ERROR_HZ = 5.0
MAX_GAP_MS = 200
MIN_PURITY = 0.8        # share of the energy that lies in the tone; noise or a second tone has less
_FRAME_MS = 10
_SILENT = 0.1           # of the median loudness
_COARSE_HZ, _FINE_HZ = 10.0, 0.5
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 3800.0


@dataclasses.dataclass(frozen=True)
class Sound:
    tone_hz: float
    purity: float       # 0 to 1
    longest_gap_ms: int
    duration_s: float   # from the first sound to the last


def read(path):
    """Samples (-32768 to 32767) and their rate. A recording that was cut off has a wrong length in its header."""
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise ValueError(f"{path}: not 16 bit mono")
        samples = array.array("h", file.readframes(file.getnframes()))
        if sys.byteorder == "big":
            samples.byteswap()
        return samples, file.getframerate()


def _power(samples, rate, hertz):
    """Energy of one frequency (Goertzel), as a share of the energy of all samples: 1 for a pure tone."""
    factor = 2 * math.cos(2 * math.pi * hertz / rate)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    total = sum(sample * sample for sample in samples)
    return 2 * (last * last + before * before - factor * last * before) / (len(samples) * total) if total else 0.0


def _peak(samples, rate, first_hz, last_hz, step_hz):
    steps = int((last_hz - first_hz) / step_hz)
    return max((_power(samples, rate, first_hz + step * step_hz), first_hz + step * step_hz) for step in range(steps + 1))


def _loudness(samples, rate):
    size = rate * _FRAME_MS // 1000
    return [math.sqrt(sum(sample * sample for sample in samples[at:at + size]) / size)
            for at in range(0, len(samples) - size + 1, size)]


def measure(samples, rate):
    loudness = _loudness(samples, rate)
    loud = [level for level in loudness if level > 30]
    if not loud:
        return Sound(0.0, 0.0, 0, 0.0)
    threshold = sorted(loud)[len(loud) // 2] * _SILENT
    sounding = [level > threshold for level in loudness]
    first, last = sounding.index(True), len(sounding) - 1 - sounding[::-1].index(True)
    gap = longest = 0
    for sound in sounding[first:last + 1]:
        gap = 0 if sound else gap + 1
        longest = max(longest, gap)
    # A tenth of a second shows where the tone is to 10 Hz; a second shows it to 1 Hz. The middle of the longest unbroken
    # sound is taken: the ends of a call are uneven.
    middle = _middle_of_longest_run(sounding) * rate * _FRAME_MS // 1000
    short = samples[middle:middle + rate // 10]
    long = samples[max(0, middle - rate // 2):middle + rate // 2]
    _, near = _peak(short, rate, _LOWEST_HZ, _HIGHEST_HZ, _COARSE_HZ / 2)
    purity, hertz = _peak(long, rate, near - _COARSE_HZ, near + _COARSE_HZ, _FINE_HZ)
    return Sound(hertz, min(purity, 1.0), longest * _FRAME_MS, (last - first + 1) * _FRAME_MS / 1000)


def _middle_of_longest_run(sounding):
    best = (0, 0)
    start = None
    for at, sound in enumerate([*sounding, False]):
        if sound and start is None:
            start = at
        elif not sound and start is not None:
            best = max(best, (at - start, (at + start) // 2))
            start = None
    return best[1]


def judge(path, tone_hz, min_duration_s):
    """Returns (sound, complaints)."""
    sound = measure(*read(path))
    complaints = []
    if sound.duration_s == 0:
        complaints.append("silence")
        return sound, complaints
    if abs(sound.tone_hz - tone_hz) > MAX_ERROR_HZ:
        complaints.append(f"tone of {sound.tone_hz:.1f} Hz, not {tone_hz}")
    elif sound.purity < MIN_PURITY:
        complaints.append(f"only {sound.purity:.2f} of the sound is the tone of {tone_hz} Hz")
    if sound.longest_gap_ms > MAX_GAP_MS:
        complaints.append(f"gap of {sound.longest_gap_ms} ms")
    if sound.duration_s < min_duration_s:
        complaints.append(f"{sound.duration_s:.1f} s of sound, fewer than {min_duration_s:.1f}")
    return sound, complaints
