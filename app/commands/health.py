"""Asking a running API whether it is ready."""

import urllib.error
import urllib.request

_SECONDS = 2.0


def ask(url: str) -> str | None:
    """None if the address answers 200; else what it answers."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            return None if answer.status == 200 else str(answer.status)
    except urllib.error.HTTPError as answer:
        return f"{answer.code} {answer.read(300).decode(errors='replace')}"
    except OSError as problem:
        return str(problem)
