"""Brand colour → eleven steps that keep WCAG AA on light and dark pages.

Source: Björn Ottosson, "A perceptual color space for image processing" (OKLab matrices);
WCAG 2.2, relative luminance and contrast ratio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

AA = 4.5

# Lightness of each step where the brand itself does not decide it, and its share of the chroma.
_STEPS: dict[str, tuple[float, float]] = {
    "50": (0.977, 0.10),
    "100": (0.948, 0.20),
    "200": (0.900, 0.36),
    "300": (0.835, 0.58),
    "400": (0.760, 0.85),
    "500": (0.690, 1.00),
    "600": (0.550, 1.00),
    "700": (0.480, 0.92),
    "800": (0.410, 0.80),
    "900": (0.345, 0.66),
    "950": (0.255, 0.50),
}


@dataclass(frozen=True)
class Oklch:
    lightness: float  # 0…1
    chroma: float
    hue: float  # degrees

    def css(self) -> str:
        return f"oklch({self.lightness * 100:.2f}% {self.chroma:.4f} {self.hue:.2f})"

    def linear(self) -> tuple[float, float, float]:
        """Linear sRGB; outside 0…1 where the screen cannot show it."""
        a = self.chroma * math.cos(math.radians(self.hue))
        b = self.chroma * math.sin(math.radians(self.hue))
        long = (self.lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        medium = (self.lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (self.lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        return (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )

    def shown(self) -> Oklch:
        """The same with as much chroma as a screen can show."""
        low, high = 0.0, self.chroma
        if _fits(self.linear()):
            return self
        for _ in range(24):
            middle = (low + high) / 2
            if _fits(Oklch(self.lightness, middle, self.hue).linear()):
                low = middle
            else:
                high = middle
        return Oklch(self.lightness, low, self.hue)


def _fits(linear: tuple[float, float, float]) -> bool:
    return all(-0.0005 <= channel <= 1.0005 for channel in linear)


def _to_linear(hex_colour: str) -> tuple[float, float, float]:
    values = [int(hex_colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue


def _luminance(linear: tuple[float, float, float]) -> float:
    red, green, blue = (min(1.0, max(0.0, channel)) for channel in linear)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str | Oklch, other: str | Oklch) -> float:
    """WCAG contrast ratio of two colours, 1…21."""
    lights = sorted(
        _luminance(c.linear() if isinstance(c, Oklch) else _to_linear(c)) for c in (one, other)
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def oklch(hex_colour: str) -> Oklch:
    red, green, blue = _to_linear(hex_colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return Oklch(
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        math.hypot(a, b),
        math.degrees(math.atan2(b, a)) % 360,
    )


WHITE = "#ffffff"
# The darkest surfaces text of the brand's colour stands on.
DARK_SURFACE = Oklch(0.278, 0.033, 256.8)
LIGHT_SURFACE = Oklch(0.967, 0.003, 264.5)


@lru_cache(maxsize=512)
def scale(hex_colour: str) -> dict[str, str]:
    """Steps "50"…"950" as CSS colours.

    Kept: white on 600 and 600 on light surfaces; 500 and 400 on dark surfaces; 700 on 100. Step
    600 is the brand's own colour wherever that allows it.
    """
    brand = oklch(hex_colour)
    steps = {
        name: Oklch(lightness, brand.chroma * share, brand.hue).shown()
        for name, (lightness, share) in _STEPS.items()
    }
    # A nearly black brand still has to be seen as a button on a dark page.
    fill = Oklch(max(brand.lightness, 0.4), brand.chroma, brand.hue).shown()
    if contrast(fill, LIGHT_SURFACE) < AA:
        fill = Oklch(min(brand.lightness, 0.62), brand.chroma, brand.hue).shown()
    steps["600"] = _darken(fill, lambda c: contrast(c, LIGHT_SURFACE) >= AA)
    # Below a dark brand colour the steps move closer together instead of crossing it.
    top = steps["600"].lightness
    for name, part in (("700", 0.86), ("800", 0.73), ("900", 0.61), ("950", 0.46)):
        lightness = min(_STEPS[name][0], top * part)
        steps[name] = Oklch(lightness, brand.chroma * _STEPS[name][1], brand.hue).shown()
    steps["700"] = _darken(steps["700"], lambda c: contrast(c, steps["100"]) >= AA)
    for name in ("500", "400"):
        steps[name] = _lighten(steps[name], lambda c: contrast(c, DARK_SURFACE) >= AA)
    return {name: step.css() for name, step in steps.items()}


def _darken(colour: Oklch, is_enough) -> Oklch:
    while not is_enough(colour) and colour.lightness > 0.05:
        colour = Oklch(colour.lightness - 0.005, colour.chroma, colour.hue).shown()
    return colour


def _lighten(colour: Oklch, is_enough) -> Oklch:
    while not is_enough(colour) and colour.lightness < 0.97:
        colour = Oklch(colour.lightness + 0.005, colour.chroma, colour.hue).shown()
    return colour


def is_readable(hex_colour: str) -> bool:
    """Whether white text can stand on the colour as it is, and it on white."""
    return contrast(hex_colour, WHITE) >= AA
