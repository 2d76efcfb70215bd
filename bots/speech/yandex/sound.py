"""What a recording is and how long it lasts, told by its first and last bytes. Pure."""

from __future__ import annotations

OGG, WAV, MP3 = "OGG_OPUS", "WAV", "MP3"
OPUS_RATE = 48_000


def kind_of(content: bytes) -> str:
    """OGG_OPUS, WAV, MP3, or nothing for what SpeechKit does not take."""
    if content[:4] == b"OggS":
        return OGG
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return WAV
    if content[:3] == b"ID3" or (len(content) > 1 and content[0] == 0xFF and content[1] >= 0xE0):
        return MP3
    return ""


def ogg_seconds(content: bytes) -> float | None:
    """By the last page's granule position, 48,000 a second (RFC 7845). None where it is odd."""
    at = content.rfind(b"OggS")
    if at < 0 or len(content) < at + 14:
        return None
    samples = int.from_bytes(content[at + 6 : at + 14], "little", signed=True)
    return samples / OPUS_RATE if samples > 0 else None
