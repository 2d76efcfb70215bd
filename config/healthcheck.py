"""`python -m config.healthcheck [URL]`: exit 0 when the address answers 200. For images, which
have no curl; standard library only, since it runs every few seconds."""

from __future__ import annotations

import os
import sys
import urllib.request


def main(url: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    default = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/healthz"
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else default))
