"""Charts as inline SVG, whose colours the page's stylesheet gives.

Written here rather than drawn by a plotting library: that would be a dependency of tens of megabytes and a second of
start-up, and its pictures know neither a dark page nor a tooltip.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rewardsmith.reports.words import count, visible

Point = tuple[float, float]
"""Place in the units of the data."""


@dataclass(frozen=True)
class Figure:
    """A chart with its words."""

    title: str
    """What it shows, in a few words."""
    svg: Markup
    """The picture."""
    caption: str = ""
    """How to read it."""


def tag(name: str, *inside: str, **attributes: str | float) -> Markup:
    """An element of SVG, text and attributes escaped; `class_` stands for `class`, `text_anchor` for `text-anchor`."""
    pairs = [
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _rounded(value))
        for key, value in attributes.items()
    ]
    body = [each if isinstance(each, Markup) else visible(each) for each in inside]
    return Markup(f"<{name}{{}}>{{}}</{name}>").format(Markup("").join(pairs), Markup("").join(body))  # noqa: S704


def svg(width: float, height: float, label: str, *inside: str, role: str = "img", **attributes: str) -> Markup:
    """A picture that is as wide as there is room; `label` is read out to who does not see it.

    Its role is `group` where it holds links, which are read out then.
    """
    return tag("svg", *inside, viewBox=f"0 0 {width:.0f} {height:.0f}", role=role, aria_label=label, **attributes)


def _rounded(value: str | float) -> str:
    return visible(value) if isinstance(value, str) else f"{value:.2f}".removesuffix(".00")


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, at most about `most`."""
    raw = (high - low) / max(most - 1, 1)
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(each * scale for each in (1, 2, 2.5, 5, 10) if each * scale >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, first + most + 2) if k * step <= high + step * 1e-9]


def span(values: Iterable[float], *, room: float = 0.06) -> tuple[float, float]:
    """Least and greatest of `values` with some room around; never empty."""
    found = list(values) or [0.0, 1.0]
    low, high = min(found), max(found)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = abs(high) * 0.1 or 1.0
        low, high = low - half, high + half
    pad = (high - low) * room
    return low - pad, high + pad


@dataclass(frozen=True)
class Axes:
    """A plotting area and its two scales."""

    x: tuple[float, float]
    """Least and greatest value from left to right."""
    y: tuple[float, float]
    """Least and greatest value from bottom to top."""
    width: float = 480
    height: float = 290
    left: float = 52
    right: float = 16
    top: float = 26
    bottom: float = 40

    def at(self, point: Point) -> Point:
        """Where a value stands in the picture."""
        across = (point[0] - self.x[0]) / (self.x[1] - self.x[0])
        up = (point[1] - self.y[0]) / (self.y[1] - self.y[0])
        inner_width, inner_height = self.width - self.left - self.right, self.height - self.top - self.bottom
        return self.left + across * inner_width, self.top + (1 - up) * inner_height

    def picture(self, label: str, x_label: str, y_label: str, *inside: str, around: str = "") -> Markup:
        """The grid with its numbers, and `inside` on it, cut off where it leaves the area.

        Args:
            label: Read out to who does not see the picture.
            x_label: What goes from left to right; a number of steps.
            y_label: What goes upwards.
            inside: What `line`, `band`, `dot` and `level` gave.
            around: What `names` gave.
        """
        right, bottom = self.width - self.right, self.height - self.bottom
        drawn: list[str] = []
        for value in ticks(*self.y, most=5 if self.height > 200 else 4):
            y = self.at((self.x[0], value))[1]
            drawn.append(tag("line", class_="grid", x1=self.left, x2=right, y1=y, y2=y))
            drawn.append(tag("text", f"{value:.6g}", class_="tick", x=self.left - 6, y=y + 4, text_anchor="end"))
        for value in ticks(*self.x, most=5 if self.width > 300 else 3):
            x = self.at((value, self.y[0]))[0]
            drawn.append(tag("text", count(round(value)), class_="tick", x=x, y=bottom + 17, text_anchor="middle"))
        middle = (self.left + right) / 2
        drawn.append(tag("text", x_label, class_="axis", x=middle, y=self.height - 5, text_anchor="middle"))
        drawn.append(tag("text", y_label, class_="axis", x=4, y=14))
        x, y, wide, high = self.left - 5, self.top - 5, right - self.left + 10, bottom - self.top + 10
        area = tag("svg", *inside, x=x, y=y, width=wide, height=high, viewBox=f"{x:g} {y:g} {wide:g} {high:g}")
        return svg(self.width, self.height, label, *drawn, area, around)

    def line(self, points: Sequence[Point], kind: str, title: str) -> Markup:
        """A line through `points`, of the stylesheet's class `kind`; a single point is a dot."""
        if len(points) == 1:
            return self.dot(points[0], kind, title)
        path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in map(self.at, points))
        return tag("path", tag("title", title), class_=f"line {kind}", d=path)

    def band(self, lows: Sequence[Point], highs: Sequence[Point], kind: str, title: str) -> Markup:
        """The area between two lines."""
        corners = [self.at(point) for point in [*lows, *reversed(highs)]]
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        return tag("polygon", tag("title", title), class_=f"band {kind}", points=text)

    def dot(self, point: Point, kind: str, title: str, *, radius: float = 3.5) -> Markup:
        """A mark at one place."""
        x, y = self.at(point)
        return tag("circle", tag("title", title), class_=f"dot {kind}", cx=x, cy=y, r=radius)

    def level(self, value: float, kind: str, title: str) -> Markup:
        """A line across at one height."""
        return self.line([(self.x[0], value), (self.x[1], value)], f"level {kind}", title)

    def names(self, named: Iterable[tuple[float, str, str]]) -> Markup:
        """Names beside the right edge: (height, text, kind) each, moved apart where they would overlap."""
        gap, drawn = 15.0, []
        low, high = self.top, self.height - self.bottom
        ordered = sorted(
            (min(max(self.at((self.x[1], value))[1], low), high), text, kind) for value, text, kind in named
        )
        floor = low - gap
        for index, (y, text, kind) in enumerate(ordered):
            below = len(ordered) - 1 - index
            floor = max(floor + gap, min(y, high - below * gap))
            place = {"x": self.width - self.right + 8, "y": floor + 4}
            drawn.append(tag("text", text, class_=f"name {kind}", **place))
        return Markup("").join(drawn)
