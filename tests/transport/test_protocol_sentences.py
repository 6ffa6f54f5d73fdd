"""No sentence of graphql-transport-ws is forgotten: the document itself is read, where it is installed."""

import re
from pathlib import Path

import pytest

from tests.transport import sentences, test_protocol, test_protocol_endings

DOCUMENT = Path(__file__).parents[2] / "frontend-contract" / "node_modules" / "graphql-ws" / "PROTOCOL.md"
TESTS = (test_protocol, test_protocol_endings)

# Headings, and what only tells what the words mean or what a client does.
NOT_OURS = (
    "**Socket** is the main",
    "**Connection** is a connection",
    "Direction:",
    "For the sake of clarity",
    "_Client_",
    "_Server_",
    "_The client and the server",
    "_The _client_ may dispatch",
    "The _client_ may dispatch",
    "_All future communication",
    "If **not**",
    "If unique",
    "If valid",
    "**Simultaneously**",
    "**or**",
)


@pytest.mark.skipif(not DOCUMENT.exists(), reason="graphql-ws is not installed (npm ci in frontend-contract)")
def test_no_sentence_of_the_protocol_is_forgotten() -> None:
    text = re.sub(r"```.*?```", "", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    said = " ".join(" ".join(sentences.quoted).split())
    assert all(TESTS)
    forgotten = []
    for line in text.splitlines():
        line = re.sub(r"^\s*(1\.|-|<br>)*\s*(<br>)?\s*(- )?", "", line).strip()
        if not line or line.startswith(("#", "<h3")) or line.endswith("**or**"):
            continue
        line = re.sub(r"^\*\*(Server -> Client|Client -> Server)\*\* ", "", line)
        forgotten += [
            each
            for each in re.split(r"(?<=[.!])\s+(?=[A-Z_*`])", line)
            if each not in said and not each.startswith(NOT_OURS)
        ]
    assert forgotten == []
