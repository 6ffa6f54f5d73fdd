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
        queue = f"{self.queue} {{{{ queueName }}}}"
        if kind is NotificationKind.QUEUE_ALERT:
            queue = line_where_known("queueName", queue)
        lines = [says.opening, "", queue, *says.details, "", "{{ tenantName }}"]
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


def alert(
    what: Mapping[str, str],
    *,
    opening: str,
    limit: str,
    ended: str,
    over: str,
    begins: str = "",
    colon: str = ": ",
) -> Says:
    """What staff are told of an alert. `what`: by metric, what is the matter.

    - `opening` stands before that in a mail, `limit` behind it where there is one; `ended` instead of it all
    - `over` is `ended` for everything that is not a mail; `begins` stands before the name of the queue there
    """
    chosen = "".join(f"{{% elif metric == '{name}' %}}{text}" for name, text in what.items())
    chosen = chosen.replace("elif", "if", 1) + "{% endif %}"
    where = "{% if queueName %}{{ queueName }}{% else %}{{ tenantName }}{% endif %}"
    line = f"{begins}{where}{colon}{{% if isOver %}}{over}{{% else %}}{chosen}{{% endif %}}"
    first = f"{{% if isOver %}}{ended}{{% else %}}{opening}{chosen}{{% if limit %}}{limit}{{% endif %}}.{{% endif %}}"
    # A subject has less room than the sentences need: what staff have called the rule says it, too.
    named = f"{begins}{where}{colon}{{% if isOver %}}{over}{{% else %}}{{{{ alertName }}}}{{% endif %}}"
    return Says(subject=named, opening=first, brief=line)
