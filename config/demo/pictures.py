"""Product illustrations for the demo shops: one flat shape a kind, filled with the offer's colour.

Drawn by us and tiny, so the demo shows pictures without a network and without anybody's photos.
The shapes and colours are in tables/pictures.yaml.
"""

from pathlib import Path

import yaml

TABLE = yaml.safe_load((Path(__file__).parent / "tables" / "pictures.yaml").read_text("utf-8"))


def shade(colour: str, part: float) -> str:
    """The colour mixed with black (part < 0) or white (part > 0)."""
    target = 255 if part > 0 else 0
    channels = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    mixed = (round(channel + (target - channel) * abs(part)) for channel in channels)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def file_name(kind: str, colour: str) -> str:
    return f"{kind}-{TABLE['colours'][colour]['file']}.svg"


def draw(kind: str, colour: str) -> str:
    """One product as SVG text."""
    base = TABLE["colours"][colour]["hex"]
    dark = sum(int(base[at : at + 2], 16) for at in (1, 3, 5)) < 210
    line = shade(base, 0.35 if dark else -0.45)
    inks = {"D": shade(base, 0.14 if dark else -0.16), "W": "#fbfaf8"}
    fill, pattern = base, ""
    if "клетка" in colour:
        fill = "url(#p)"
        pattern = (
            '<pattern id="p" width="32" height="32" patternUnits="userSpaceOnUse">'
            f'<path fill="{base}" d="M0 0h32v32H0z"/>'
            f'<path fill="{shade(base, -0.45)}" fill-opacity=".55" d="M0 0h12v32H0zM0 0h32v12H0z"/>'
            "</pattern>"
        )
    elif colour.endswith("-белый"):
        fill = "url(#p)"
        pattern = (
            '<pattern id="p" width="18" height="18" patternUnits="userSpaceOnUse">'
            '<path fill="#f6f4ef" d="M0 0h18v18H0z"/>'
            f'<path fill="{base}" d="M0 0h18v8H0z"/></pattern>'
        )
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400">',
        f"<defs>{pattern}</defs>" if pattern else "",
        '<path fill="#f1efec" d="M0 0h400v400H0z"/>',
        '<ellipse cx="200" cy="348" rx="130" ry="12" fill="#000" fill-opacity=".07"/>',
    ]
    for ink, path in (pair for step in TABLE["shapes"][kind] for pair in step.items()):
        if ink == "L":
            parts.append(
                f'<path d="{path}" fill="none" stroke="{line}" stroke-width="4" '
                'stroke-linecap="round" stroke-linejoin="round"/>'
            )
        else:
            parts.append(
                f'<path d="{path}" fill="{inks.get(ink, fill)}" stroke="{line}" '
                'stroke-width="3" stroke-linejoin="round" fill-rule="evenodd"/>'
            )
    return "".join(parts) + "</svg>\n"
