"""The compiled fan-out: sending many subscribers what differs by a few bytes, at the cost of the sends.

Knows no feature and no GraphQL. A subscription that has shown its newest item can be *parked*: its task ends, and
whatever moves next is rendered into bytes that were made once. What is more than a move resumes it.
"""

from app.core.live.fanout.parking import Gapped, Parkable, Parked, Seat, Values
from app.core.live.fanout.rounds import SENDS_AT_ONCE, Rounds
from app.core.live.fanout.shared import SharedFeed
from app.core.live.fanout.template import Template, object_template

__all__ = [
    "SENDS_AT_ONCE",
    "Gapped",
    "Parkable",
    "Parked",
    "Rounds",
    "Seat",
    "SharedFeed",
    "Template",
    "Values",
    "object_template",
]
