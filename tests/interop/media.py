"""A tone and a colour to publish, and the measuring of both in what was decoded."""

import asyncio
import fractions
import time

import numpy
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

AUDIO_RATE = 48_000
FRAME_SAMPLES = 960  # 20 ms
VIDEO_RATE = 90_000
FRAMES_PER_SECOND = 15
LOUD_DB = -50.0
"""Above this, in dB of full scale, a tone counts as heard."""


class Tone(MediaStreamTrack):
    """A sine of one frequency, 20 ms a frame, in real time."""

    kind = "audio"

    def __init__(self, hz: float) -> None:
        super().__init__()
        self._hz = hz
        self._next = 0
        self._start: float | None = None

    async def recv(self) -> AudioFrame:
        """The next frame, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._start is None:
            self._start = time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self._next / AUDIO_RATE - time.monotonic()))
        at = (numpy.arange(FRAME_SAMPLES) + self._next) / AUDIO_RATE
        samples = (0.4 * 32767 * numpy.sin(2 * numpy.pi * self._hz * at)).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = AUDIO_RATE
        frame.pts = self._next
        frame.time_base = fractions.Fraction(1, AUDIO_RATE)
        self._next += FRAME_SAMPLES
        return frame


class Colour(MediaStreamTrack):
    """One colour, with a corner that changes from frame to frame."""

    kind = "video"

    def __init__(self, rgb: tuple[int, int, int]) -> None:
        super().__init__()
        self._picture = numpy.full((180, 320, 3), rgb, dtype=numpy.uint8)
        self._next = 0
        self._start: float | None = None

    async def recv(self) -> VideoFrame:
        """The next frame, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._start is None:
            self._start = time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self._next / FRAMES_PER_SECOND - time.monotonic()))
        self._picture[:8, :8] = 255 if self._next % 2 else 0
        frame = VideoFrame.from_ndarray(self._picture, format="rgb24")
        frame.pts = self._next * VIDEO_RATE // FRAMES_PER_SECOND
        frame.time_base = fractions.Fraction(1, VIDEO_RATE)
        self._next += 1
        return frame


class Ear:
    """Keeps the last 200 ms of a track."""

    def __init__(self) -> None:
        self._samples = numpy.zeros(0)
        self._rate = AUDIO_RATE
        self._last = 0.0

    def feed(self, frame: AudioFrame) -> None:
        """Takes a decoded frame."""
        samples = frame.to_ndarray().astype(float).reshape(-1, len(frame.layout.channels))[:, 0] / 32768
        self._rate = frame.sample_rate
        self._samples = numpy.concatenate((self._samples, samples))[-frame.sample_rate // 5 :]
        self._last = time.monotonic()

    def hz(self) -> float | None:
        """The loudest frequency, or nothing when it is silent or no frame came for 300 ms."""
        if time.monotonic() - self._last > 0.3 or len(self._samples) < self._rate // 10:
            return None
        levels = numpy.abs(numpy.fft.rfft(self._samples * numpy.hanning(len(self._samples))))
        loudest = int(numpy.argmax(levels[1:])) + 1
        amplitude = levels[loudest] * 4 / len(self._samples)
        if 20 * numpy.log10(amplitude + 1e-9) < LOUD_DB:
            return None
        return loudest * self._rate / len(self._samples)


class Eye:
    """Keeps the last picture of a track."""

    def __init__(self) -> None:
        self._last = 0.0
        self._rgb: tuple[int, int, int] | None = None
        self.frames = 0

    def feed(self, frame: VideoFrame) -> None:
        """Takes a decoded frame."""
        picture = frame.to_ndarray(format="rgb24")
        middle = picture[picture.shape[0] // 4 : -picture.shape[0] // 4, picture.shape[1] // 4 : -picture.shape[1] // 4]
        red, green, blue = (int(value) for value in middle.mean(axis=(0, 1)))
        self._rgb = (red, green, blue)
        self._last = time.monotonic()
        self.frames += 1

    def rgb(self) -> tuple[int, int, int] | None:
        """The mean colour of the middle, or nothing when no frame came for 500 ms."""
        return self._rgb if time.monotonic() - self._last < 0.5 else None
