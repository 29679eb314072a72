"""One episode of a trained policy as pictures."""

from __future__ import annotations

from pydantic import Field

from rewardsmith.domain.record import Record

VIDEO, GIF = "video.mp4", "video.gif"
"""Files of a film; the GIF shows at most ten pictures per second at half the size."""
MOST_SECONDS = 20.0
"""Of an episode that are filmed, from its start."""
STILLS = 8
"""Pictures that are kept beside the video, evenly spaced, for whoever watches no videos."""


def still(number: int) -> str:
    """File of one of the pictures, numbered from 0."""
    return f"still-{number}.jpg"


class Film(Record):
    """What a worker filmed: `film.json`; beside it `video.mp4`, `video.gif` and the stills."""

    width: int = Field(default=0, ge=0, le=10_000)
    """Of a picture of the MP4, in pixels."""
    height: int = Field(default=0, ge=0, le=10_000)
    """The same."""
    fps: float = Field(default=0.0, ge=0, le=1000)
    """Pictures per second; the film runs as fast as the simulation's own time."""
    frames: int = Field(default=0, ge=0, le=100_000)
    """Pictures."""
    times: tuple[float, ...] = Field(default=(), max_length=STILLS)
    """Seconds into the episode of each still."""
    steps: int = Field(default=0, ge=0)
    """Environment steps that are shown."""
    cut: bool = False
    """Whether the episode went on after the film's end."""
    renderer: str = Field(default="", max_length=20)
    """What MuJoCo drew with: `egl` or `osmesa`."""
    faults: tuple[str, ...] = Field(default=(), max_length=8)
    """Why there is no film: what each way to draw came to."""

    @property
    def told(self) -> str:
        """Size, speed and length in a line."""
        length = f"{self.frames / self.fps:.1f} s" if self.fps else "nothing"
        more = f", cut at {MOST_SECONDS:g} s" if self.cut else ""
        return f"{self.width} x {self.height}, {self.fps:g} frames per second, {length}{more}"


class VideoResult(Record):
    """`video`."""

    run: str
    """Name of the run."""
    subject: str
    """Candidate or baseline whose policy is shown."""
    seed: int
    """Seed of its training."""
    film: Film
    """Size, speed and length."""
    files: tuple[str, ...]
    """Files that were written."""
