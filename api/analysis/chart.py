"""Density over time as an SVG drawing: no script, no font file, opens anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from vision.instants import Utc
from vision.risk.readings import Level, ZoneReading

_WIDTH, _HEIGHT = 960, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 44
_STRIP_HEIGHT = 12
_LEVEL_CLASS = {level: f"level-{level.value.lower()}" for level in Level}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A horizontal line of the chart."""

    level: Level
    density_per_m2: float


def density_chart(
    readings: Sequence[ZoneReading], thresholds: Sequence[Threshold], *, label: str
) -> str:
    """An SVG element with density, its error band, the thresholds and a strip of levels.

    Gaps in the line are the times when nothing could be measured; they are hatched in the strip.
    """
    if not readings:
        return ""
    axes = _Axes.of(readings, thresholds)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}" '
        'xmlns="http://www.w3.org/2000/svg">',
        '<defs><pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="3" height="6" class="hatch"/></pattern></defs>',
        *axes.grid(),
        *(axes.threshold(threshold) for threshold in thresholds),
        *axes.curves(readings),
        *axes.strip(readings),
        "</svg>",
    ]
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Axes:
    start: Utc
    span_s: float
    top_per_m2: float

    @classmethod
    def of(cls, readings: Sequence[ZoneReading], thresholds: Sequence[Threshold]) -> _Axes:
        measured = [
            r.measurement.density_peak_per_m2 + r.measurement.density_peak_std_per_m2
            for r in readings
            if r.measurement is not None
        ]
        limits = [threshold.density_per_m2 for threshold in thresholds]
        top = max([1.0, *measured, *limits]) * 1.05
        span_s = readings[-1].captured_at - readings[0].captured_at
        return cls(readings[0].captured_at, max(span_s, 1.0), top)

    def x(self, moment: Utc) -> float:
        width = _WIDTH - _LEFT - _RIGHT
        return round(_LEFT + width * (moment - self.start) / self.span_s, 1)

    def y(self, density_per_m2: float) -> float:
        height = _HEIGHT - _TOP - _BOTTOM
        clipped = min(max(density_per_m2, 0.0), self.top_per_m2)
        return round(_TOP + height * (1.0 - clipped / self.top_per_m2), 1)

    def grid(self) -> list[str]:
        lines = []
        for step in range(int(self.top_per_m2) + 1):
            y = self.y(step)
            lines.append(
                f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" class="grid"/>'
                f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{step}</text>'
            )
        for part in range(5):
            seconds = self.span_s * part / 4
            x = self.x(self.start.plus(seconds))
            anchor = "start" if part == 0 else "end" if part == 4 else "middle"
            label = f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
            lines.append(f'<text x="{x}" y="{_HEIGHT - 4}" text-anchor="{anchor}">{label}</text>')
        return lines

    def threshold(self, threshold: Threshold) -> str:
        y = self.y(threshold.density_per_m2)
        style = _LEVEL_CLASS[threshold.level]
        return (
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" class="limit {style}"/>'
            f'<text x="{_WIDTH - _RIGHT}" y="{y - 3}" text-anchor="end" class="{style}">'
            f"{threshold.level.value} {threshold.density_per_m2:g}</text>"
        )

    def curves(self, readings: Sequence[ZoneReading]) -> list[str]:
        drawn: list[str] = []
        stretch: list[ZoneReading] = []
        for reading in [*readings, None]:
            if reading is not None and reading.measurement is not None:
                stretch.append(reading)
                continue
            if stretch:
                drawn.extend(self._stretch(stretch))
            stretch = []
        return drawn

    def _stretch(self, readings: Sequence[ZoneReading]) -> list[str]:
        upper, lower, line = [], [], []
        for reading in readings:
            measurement = reading.measurement
            assert measurement is not None  # noqa: S101 - `curves` passes measured ones only
            x = self.x(reading.captured_at)
            peak, spread = measurement.density_peak_per_m2, measurement.density_peak_std_per_m2
            line.append(f"{x},{self.y(peak)}")
            upper.append(f"{x},{self.y(peak + spread)}")
            lower.append(f"{x},{self.y(peak - spread)}")
        band = " ".join([*upper, *reversed(lower)])
        return [
            f'<polygon points="{band}" class="band"/>',
            f'<polyline points="{" ".join(line)}" class="curve"/>',
        ]

    def strip(self, readings: Sequence[ZoneReading]) -> list[str]:
        y = _HEIGHT - _BOTTOM + 8
        boxes: list[str] = []
        start = 0
        for index in range(1, len(readings) + 1):
            if index < len(readings) and readings[index].level is readings[start].level:
                continue
            left = self.x(readings[start].captured_at)
            right = self.x(readings[min(index, len(readings) - 1)].captured_at)
            level = readings[start].level
            boxes.append(
                f'<rect x="{left}" y="{y}" width="{max(right - left, 0.5):.1f}" '
                f'height="{_STRIP_HEIGHT}" class="strip {_LEVEL_CLASS[level]}">'
                f"<title>{level.value}</title></rect>"
            )
            if right - left > 24:
                boxes.append(f'<text x="{left + 3}" y="{y + 10}" class="tag">{level.value}</text>')
            start = index
        return boxes
