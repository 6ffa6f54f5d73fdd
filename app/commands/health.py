"""Asking a running API whether it is ready; also `python -m app.commands.health <url>`, for a container's health check.

Imports nothing of the product: it is run every few seconds.
"""

import sys
import urllib.error
import urllib.request

_SECONDS = 2.0
_MOST_BYTES = 1_000


def ask(url: str) -> str | None:
    """None if all is well there; else what it answers. Serving with a part missing ("degraded") is not well."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            report = answer.read(_MOST_BYTES).decode(errors="replace")
            return None if '"status":"ok"' in report else report
    except urllib.error.HTTPError as answer:
        return f"{answer.code} {answer.read(_MOST_BYTES).decode(errors='replace')}"
    except OSError as problem:
        return str(problem)


if __name__ == "__main__":
    answered = ask(sys.argv[1])
    sys.exit(answered)
