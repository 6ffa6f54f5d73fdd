"""What a language says for each kind of message, and how the built-in texts are put together from it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.notifications.models import NotificationKind


@dataclass(frozen=True, slots=True)
class Says:
    """One kind of message.

    - `subject`: of mails, and the title of what is pushed
    - `opening`: how the mail begins; the ticket and the queue follow, then the lines of `details`
    - `brief`: the whole of it for everything that is not a mail; without what is not needed, because it is paid for
    """

    subject: str
    opening: str
    brief: str
    details: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Language:
    """A language's words. `ticket` and `queue` stand before a value, colon included."""

    ticket: str
    queue: str
    says: Mapping[NotificationKind, Says]

    def mail(self, kind: NotificationKind) -> str:
        """The body of a mail."""
        says = self.says[kind]
        lines = [says.opening, "", f"{self.queue} {{{{ queueName }}}}", *says.details, "", "{{ tenantName }}"]
        if kind is not NotificationKind.QUEUE_ALERT:
            lines.insert(2, f"{self.ticket} {{{{ ticketNumber }}}}")
        # The end of a line behind a tag is not shown: what ends with one needs another, unless the line is optional.
        ends = ["\n\n" if line.endswith("%}") and "\n" not in line else "\n" for line in lines]
        return "".join(f"{line}{end}" for line, end in zip(lines, ends, strict=True))


def by_number(name: str, *cases: tuple[str, str], otherwise: str) -> str:
    """A text by a number: `("== 1", "1 person")`, tried in order."""
    parts = [f"{{% {'if' if not at else 'elif'} {name} {test} %}}{text}" for at, (test, text) in enumerate(cases)]
    return "".join(parts) + f"{{% else %}}{otherwise}{{% endif %}}"


def where_known(name: str, text: str) -> str:
    """A text that is left out where a value is missing."""
    return f"{{% if {name} %}}{text}{{% endif %}}"


def line_where_known(name: str, text: str) -> str:
    """A line that is left out, with its end, where a value is missing."""
    return f"{{% if {name} %}}\n{text}\n{{% endif %}}"
