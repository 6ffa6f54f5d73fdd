"""What `vq visitors` says at the end: the demo invites to change rate and cap while it runs."""

from random import Random

import pytest

from app.demo.picture import summary
from app.demo.queue import DemoQueue
from app.demo.visitors import Crowd, Habit, Stage, Visitor
from app.replay.client import Client


@pytest.mark.parametrize(
    ("caps", "said"), [({10}, "14 of 10."), ({10, 15, 3}, "14 of 15."), ({10, None}, "14."), (set(), "14.")]
)
def test_the_most_inside_is_held_against_the_caps_there_were(caps: set[int | None], said: str) -> None:
    queue = DemoQueue("Q", "http://127.0.0.1:8001", 60, 3, 0, 0, 0)
    people = [Visitor(1, Habit.LEAVES, 0, 0, Stage.LEFT, renewals=2)]
    crowd = Crowd(Client("http://127.0.0.1:1/graphql"), queue, people, Random(1), most_inside=14, caps=caps)
    assert summary(crowd) == f"1 visitors: 1 left. 2 stays renewed. Most inside at once: {said}"
