"""The other process: takes one question after the other from its standard input, and answers each. Knows no database.

Started by `elsewhere.py`. It ends when its input does, so that it never outlives who started it for longer than one
answer takes, and by itself when nothing was asked for a while or an answer takes too long.
"""

import os
import pickle
import select
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from app.simulation.recommending import Advice, Question, advice
from app.simulation.records import unpacked
from app.simulation.study import Answer, Study, answer

IDLE_SECONDS = 300.0
LONGEST_SECONDS = 60
"""Of one answer. Whoever asks gives up sooner and ends us; one who was killed cannot."""
LENGTH = struct.Struct(">Q")
_NICE = 10
"""Whoever is served comes first."""


def main() -> None:
    """Until nobody asks any more."""
    os.nice(_NICE)
    # Pressed in a terminal it is meant for who started us; our input ends then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What anything prints must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    questions = os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    while select.select([questions], [], [], IDLE_SECONDS)[0]:
        asked = _read(questions)
        if asked is None:
            return
        # What this signal does to a process is to end it.
        signal.alarm(LONGEST_SECONDS)
        answers.write(framed(_answered(pickle.loads(asked))))
        answers.flush()
        signal.alarm(0)


def framed(message: bytes) -> bytes:
    """A message with its length before it."""
    return LENGTH.pack(len(message)) + message


def answered(question: Study | Question, portions: Sequence[bytes]) -> Answer | Advice:
    """The answer to a question of recorded visits."""
    records = unpacked(portions)
    if isinstance(question, Study):
        return answer(replace(question, records=records))
    return advice(replace(question, records=records))


def _answered(asked: tuple[Study | Question, Sequence[bytes]]) -> bytes:
    try:
        return pickle.dumps(answered(*asked))
    except Exception as problem:  # noqa: BLE001 - raised again by whoever asked
        return pickle.dumps(problem)


def _read(questions: BinaryIO) -> bytes | None:
    head = _exactly(questions, LENGTH.size)
    return None if head is None else _exactly(questions, LENGTH.unpack(head)[0])


def _exactly(questions: BinaryIO, count: int) -> bytes | None:
    found = b""
    while len(found) < count:
        part = questions.read(count - len(found))
        if not part:
            return None
        found += part
    return found


if __name__ == "__main__":
    main()
