"""Templates: checked when they are saved, filled in when a message is owed. Texts only: no database, no network.

A template is a few sentences with values filled in, and sentences left out when a value is missing. Everything else
the template language could do is refused by name: loops, calls, attributes, arithmetic. What is not in the list below
does not exist, so a template can reach neither the process nor the file system, nor keep it busy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.notifications import sms
from app.notifications.errors import InvalidTemplate, SmsTooLong
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.variables import MAY_BE_EMPTY, VARIABLES, Value

MAX_SUBJECT = 200
MAX_BODY: Mapping[NotificationChannel, int] = MappingProxyType(
    {
        NotificationChannel.EMAIL: 10_000,
        # What its segments hold is what counts: `sms.py`.
        NotificationChannel.SMS: 2_000,
        NotificationChannel.WHATSAPP: 4_000,
        # A push service takes 4 KB, encrypted.
        NotificationChannel.PUSH: 1_000,
        NotificationChannel.IN_APP: 4_000,
        NotificationChannel.CHAT: 4_000,
    }
)
"""Letters of a template's body."""

UNTITLED = frozenset({NotificationChannel.SMS, NotificationChannel.WHATSAPP})
"""Channels whose messages have no subject: a template's may be empty there."""

RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
"""Languages that are written from right to left."""

_DEEPEST = 20
_FILTERS = frozenset({"upper", "lower", "capitalize", "title", "trim", "default"})
# What they may be given; the others take nothing.
_ARGUMENTS = {"default": 2}
UNFILLABLE = (TemplateError, TypeError, ValueError, OverflowError, RecursionError, SyntaxError)
"""What filling in a text raises that was stored before it was refused, or that compares what cannot be compared."""
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
)


def _shown(value: object) -> object:
    return "" if value is None else value


def _isolated(value: object) -> object:
    """A value in a text of the other direction: invisible signs (FSI, PDI) keep it from turning what is beside it.

    Not around addresses of pages: whoever makes links of them would take the sign for a part of it.
    """
    shown = str(_shown(value))
    return shown if not shown or "://" in shown else f"\u2068{shown}\u2069"


def _fenced(finalize: Callable[[object], object]) -> ImmutableSandboxedEnvironment:
    # The list above is the fence; the sandbox stands behind it in case one of the allowed things learns a trick.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False, trim_blocks=True, finalize=finalize
    )
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.tests, environment.globals = {}, {}
    return environment


_environment, _isolating = _fenced(_shown), _fenced(_isolated)


@dataclass(frozen=True, slots=True)
class Text:
    """A message's two parts."""

    subject: str
    body: str


def check(kind: NotificationKind, text: Text, channel: NotificationChannel = NotificationChannel.EMAIL) -> None:
    """`InvalidTemplate` unless both parts can be filled in with what there is for this kind; `SmsTooLong`."""
    if text.subject.strip() or channel not in UNTITLED:
        _check_length("subject", text.subject, MAX_SUBJECT)
    _check_length("body", text.body, MAX_BODY[channel])
    for field, source in (("subject", text.subject), ("body", text.body)):
        try:
            tree = _environment.parse(source)
        except TemplateSyntaxError as problem:
            raise InvalidTemplate(field, f"{problem.message}", line=problem.lineno) from None
        except RecursionError:
            raise InvalidTemplate(field, "is nested too deeply.") from None
        except ValueError:
            raise InvalidTemplate(field, "has a number that is too long.") from None
        _check_node(field, kind, tree, depth=0)
        _check_filled_in(field, kind, source)
    if channel is NotificationChannel.SMS:
        length = sms.measure(_compiled(text.body, isolates=False).render(example(kind)).strip())
        if length.segments > sms.MOST_SEGMENTS:
            raise SmsTooLong(length.segments, sms.MOST_SEGMENTS, length.encoding)


def is_right_to_left(locale: str) -> bool:
    """Whether a language is written from right to left."""
    return locale.split("-")[0].lower() in RIGHT_TO_LEFT


def fill_in(
    text: Text,
    values: Mapping[str, Value],
    *,
    channel: NotificationChannel = NotificationChannel.EMAIL,
    locale: str = "en",
) -> Text:
    """The message. The subject is one line, whatever the values hold; a text message is cut where no provider sends it.

    In a language from right to left the values are isolated, except in text messages, where old phones show the signs.
    """
    isolates = is_right_to_left(locale) and channel is not NotificationChannel.SMS
    subject, body = (_compiled(source, isolates=isolates).render(values) for source in (text.subject, text.body))
    subject, body = " ".join(subject.split())[:MAX_SUBJECT], body.strip()
    return Text(subject, sms.shortened(body) if channel is NotificationChannel.SMS else body + "\n")


def example(kind: NotificationKind) -> dict[str, Value]:
    """Values to preview a template of this kind with."""
    return {name: value for name, (_, value) in VARIABLES[kind].items()}


@lru_cache(maxsize=1024)
def _compiled(source: str, *, isolates: bool) -> Template:
    environment = _isolating if isolates else _environment
    # Once more than when it was saved: what lies in the table may be older than the rules, or come from elsewhere.
    for node in environment.parse(source).find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise TemplateSyntaxError(f"`{type(node).__name__.lower()}` cannot be used here", node.lineno)
    return environment.from_string(source)


def _check_length(field: str, source: str, longest: int) -> None:
    if not source.strip():
        raise InvalidTemplate(field, "must not be empty.")
    if len(source) > longest:
        raise InvalidTemplate(field, f"has {len(source):,} characters; at most {longest:,} are allowed.")


def _check_filled_in(field: str, kind: NotificationKind, source: str) -> None:
    """Whether it works with what there may be: a comparison with a value that is missing would stop the message."""
    empty = [name for name in VARIABLES[kind] if name in MAY_BE_EMPTY]
    for hint, values in (
        ("", example(kind)),
        (f" where {', '.join(empty)} is empty; ask `if` first whether it is there", dict.fromkeys(empty)),
    ):
        try:
            _compiled(source, isolates=False).render(example(kind) | values)
        except UNFILLABLE as problem:
            raise InvalidTemplate(field, f"cannot be filled in{hint}: {problem}.") from None


def _check_node(field: str, kind: NotificationKind, node: nodes.Node, *, depth: int) -> None:
    if depth > _DEEPEST:
        raise InvalidTemplate(field, "is nested too deeply.", line=node.lineno)
    if not isinstance(node, _ALLOWED):
        raise InvalidTemplate(
            field,
            f"`{type(node).__name__.lower()}` cannot be used here: a template fills in variables and may use "
            f"`if`, comparisons and the filters {', '.join(sorted(_FILTERS))}.",
            line=node.lineno,
        )
    if isinstance(node, nodes.Name) and node.name not in VARIABLES[kind]:
        raise InvalidTemplate(
            field,
            f"there is no variable `{node.name}` for {kind.value}; there are {', '.join(sorted(VARIABLES[kind]))}.",
            variable=node.name,
            line=node.lineno,
        )
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        raise InvalidTemplate(
            field, f"there is no filter `{node.name}`; there are {', '.join(sorted(_FILTERS))}.", line=node.lineno
        )
    if isinstance(node, nodes.Filter):
        most = _ARGUMENTS.get(node.name, 0)
        if len(node.args) > most or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise InvalidTemplate(
                field,
                f"the filter `{node.name}` takes {f'at most {most} values' if most else 'no values'}.",
                line=node.lineno,
            )
    for child in node.iter_child_nodes():
        _check_node(field, kind, child, depth=depth + 1)


__all__ = ["Text", "Value", "check", "example", "fill_in", "is_right_to_left"]
