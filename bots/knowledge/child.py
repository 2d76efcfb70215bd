"""`python -m bots.knowledge.child KIND PATH NAME`: one document → JSON, within hard limits.

No Django, no database, no secrets of ours in memory; a file that breaks a library breaks this.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
from pathlib import Path

MEMORY = 1536 * 1024 * 1024
CPU_S = 90


def main(kind: str, path: str, name: str) -> int:
    os.nice(10)  # a buyer who waits comes first
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    logging.disable(logging.CRITICAL)
    from bots.knowledge.readers import read_document
    from bots.knowledge.sections import Fault

    try:
        sections, pages = read_document(Path(path), kind, name)
        found: dict[str, object] = {
            "pages": pages,
            "sections": [[one.title, one.text] for one in sections],
        }
    except Fault as fault:
        found = {"fault": fault.code, "data": fault.data}
    except MemoryError:
        found = {"fault": "too_heavy", "data": {}}
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
