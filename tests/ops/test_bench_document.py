"""The document that check 12 has indexed beside its load is one that the product takes."""

from __future__ import annotations

import random

from bots.services.knowledge import read_file
from config.bench import document


def test_it_is_as_large_as_it_says_and_is_read_whole(tmp_path):
    small = tmp_path / "handbook.html"
    small.write_bytes(document.page(random.Random(1), 500_000))

    sections, _pages = read_file(small, small.name)

    assert small.stat().st_size >= 500_000
    assert len(sections) == 30  # a twentieth of ten megabytes
    assert 85_000 < sum(len(text) for _title, text in sections) < 100_000
