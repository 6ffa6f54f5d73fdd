"""Generated subscriptions of a session, all of them valid: swapped names, fragments, directives, variables."""

from dataclasses import dataclass
from random import Random
from typing import Any

SCALARS = [
    "position",
    "aheadCount",
    "estimatedWaitSeconds",
    "revision",
    "estimatedWaitUnknown",
    "estimatedWaitP50Seconds",
    "estimatedWaitP90Seconds",
    "estimatedWaitReason",
    "id",
    "queueId",
    "ticketNumber",
    "status",
    "onHold",
    "priority",
    "partySize",
    "locale",
    "joinedAt",
    "calledAt",
    "cancelledBy",
    "callCount",
    "waitSeconds",
    "userIdentifier",
    "metadata",
    "cancelReason",
    "__typename",
]
MOVING = SCALARS[:8]
OBJECTS = {
    "queue": "{ id q: name status }",
    "counter": "{ id name }",
    "contact": "{ email phone e: email }",
    "servedBy": "{ id }",
}
LOOKED_UP = {"category": "{ name }"}
_COUNTS = "{ waitingCount revision }"
_CONDITIONS = ["$yes", "$no", "$default", "true", "false"]
_NAMES = ["a", "b", "__x", "position", "revision", "id", "status", "data", "payload", "estimatedWaitSeconds"]


@dataclass(frozen=True)
class Subscription:
    """A document, its variables, and whether something in it may have to be looked up for each move."""

    query: str
    variables: dict[str, Any]
    looks_up: bool


def subscription(random: Random, session_id: str) -> Subscription:
    """A valid document."""
    # One field per response name, in the whole document: else validation would refuse it.
    looks_up = random.random() < 0.1
    fields = SCALARS + list(OBJECTS) + (list(LOOKED_UP) if looks_up else [])
    meaning = {name: name for name in fields}
    for name in random.sample(_NAMES, random.randrange(6)):
        meaning[name] = random.choice(fields)
    if looks_up:
        meaning["counts"] = "queue"
    fragments: list[str] = []
    aliases = 0

    def condition() -> str:
        if random.random() < 0.6:
            return ""
        return f"@{random.choice(['include', 'skip'])}(if: {random.choice(_CONDITIONS)})"

    def field() -> str:
        nonlocal aliases
        name = random.choice(random.choice([MOVING, list(meaning)]))
        if aliases > 20:  # there is a limit
            name = random.choice([name for name, of in meaning.items() if name == of])
        of = meaning[name]
        aliases += name != of
        below = _COUNTS if name == "counts" else (OBJECTS | LOOKED_UP).get(of, "")
        return f"{name if name == of else f'{name}: {of}'} {condition()} {below}"

    def selection(depth: int) -> str:
        parts = []
        for _ in range(random.randrange(1, 5)):
            kind = random.randrange(6) if depth < 3 else 0
            if kind == 1:
                parts.append(f"... on Session {condition()} {{ {selection(depth + 1)} }}")
            elif kind == 2:
                parts.append(f"... {condition()} {{ {selection(depth + 1)} }}")
            elif kind == 3:
                name = f"F{len(fragments)}"
                fragments.append("")
                fragments[int(name[1:])] = f"fragment {name} on Session {{ {selection(depth + 1)} }}"
                parts.append(f"...{name} {condition()}")
            else:
                parts.append(field())
        return " ".join(parts)

    root = random.choice(["sessionChanged", "s: sessionChanged", "position: sessionChanged"])
    # The last field uses every variable, because one that is not used is an error.
    used = "__typename @include(if: $yes) @skip(if: $no) ... @include(if: $default) { __typename }"
    inner = f"{root}(sessionId: $id) {{ {selection(0)} {used} }}"
    if random.random() < 0.3:
        inner = f"... on Subscription {{ {inner} }}"
    default = random.choice(["true", "false"])
    declared = f"$id: ID!, $yes: Boolean!, $no: Boolean!, $default: Boolean! = {default}"
    query = f"subscription S({declared}) {{ {inner} }} {' '.join(fragments)}"
    variables: dict[str, Any] = {"id": session_id, "yes": random.random() < 0.5, "no": random.random() < 0.5}
    if random.random() < 0.5:
        variables["default"] = random.random() < 0.5
    return Subscription(query, variables, looks_up)


HOSTILE_IDS = ['"', "%b", "%", "\\", "\x7f", "🎫", "null", "}}", "\u2028", '":1,"', " ", "\x00"]


def operation_ids(random: Random, count: int) -> list[str]:
    """Different ones, most of them hostile."""
    return [random.choice(HOSTILE_IDS) + str(number) + random.choice(HOSTILE_IDS) for number in range(count)]
