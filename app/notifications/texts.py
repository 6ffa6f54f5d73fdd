"""Templates: checked when they are saved, filled in when a message is owed. Texts only: no database, no network.

A template is a few sentences with values filled in, and sentences left out when a value is missing. Everything else
the template language could do is refused by name: loops, calls, attributes, arithmetic. What is not in the list below
does not exist, so a template can reach neither the process nor the file system, nor keep it busy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.notifications.errors import InvalidTemplate
from app.notifications.models import NotificationKind

MAX_SUBJECT = 200
MAX_BODY = 10_000

Value = str | int | None

_COMMON: Mapping[str, tuple[str, Value]] = MappingProxyType(
    {
        "ticketNumber": ("The number on the ticket.", "A042"),
        "queueName": ("The queue's name.", "Advice"),
        "tenantName": ("Your business's name.", "City Library"),
        "link": ("Where your visitors follow their place: your own domain if you have one.", "https://queue.example"),
    }
)
VARIABLES: Mapping[NotificationKind, Mapping[str, tuple[str, Value]]] = MappingProxyType(
    {
        **dict.fromkeys(NotificationKind, _COMMON),
        NotificationKind.CALLED: {
            **_COMMON,
            "counterName": ("Where to go; empty if the call named no counter.", "Counter 3"),
        },
        NotificationKind.PEOPLE_AHEAD: {
            **_COMMON,
            "peopleAhead": ("How many people are ahead.", 3),
            "estimatedWaitMinutes": ("The estimated wait, rounded up; empty while it is not known.", 12),
        },
    }
)
"""What a template may name: by kind, the meaning and an example of each variable."""

_DEEPEST = 20
_FILTERS = frozenset({"upper", "lower", "capitalize", "title", "trim", "default"})
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


# The list above is the fence; the sandbox stands behind it in case one of the allowed things learns a trick.
_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False, trim_blocks=True, finalize=_shown
)
_environment.filters = {name: _environment.filters[name] for name in _FILTERS}
_environment.tests, _environment.globals = {}, {}


@dataclass(frozen=True, slots=True)
class Text:
    """A message's two parts."""

    subject: str
    body: str


def check(kind: NotificationKind, text: Text) -> None:
    """`InvalidTemplate` unless both parts can be filled in with what there is for this kind."""
    _check_length("subject", text.subject, MAX_SUBJECT)
    _check_length("body", text.body, MAX_BODY)
    for field, source in (("subject", text.subject), ("body", text.body)):
        try:
            tree = _environment.parse(source)
        except TemplateSyntaxError as problem:
            raise InvalidTemplate(field, f"{problem.message}", line=problem.lineno) from None
        except RecursionError:
            raise InvalidTemplate(field, "is nested too deeply.") from None
        _check_node(field, kind, tree, depth=0)


def fill_in(text: Text, values: Mapping[str, Value]) -> Text:
    """The message. The subject is one line, whatever the values hold."""
    subject, body = (_compiled(source).render(values) for source in (text.subject, text.body))
    return Text(" ".join(subject.split())[:MAX_SUBJECT], body.strip() + "\n")


def example(kind: NotificationKind) -> dict[str, Value]:
    """Values to preview a template of this kind with."""
    return {name: value for name, (_, value) in VARIABLES[kind].items()}


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)


def _check_length(field: str, source: str, longest: int) -> None:
    if not source.strip():
        raise InvalidTemplate(field, "must not be empty.")
    if len(source) > longest:
        raise InvalidTemplate(field, f"has {len(source):,} characters; at most {longest:,} are allowed.")


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
    for child in node.iter_child_nodes():
        _check_node(field, kind, child, depth=depth + 1)
