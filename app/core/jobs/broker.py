"""Dramatiq's broker as it has to be set up here. What is sent and when a job runs is decided elsewhere.

A message is a hint with two ids in it: lost, doubled or late, it does no harm. So there are no retries, delayed
messages or results in Redis: each of them gets lost or stuck when the server or a worker goes away at a bad moment.
"""

from collections.abc import Callable, Mapping
from threading import Event
from types import MappingProxyType

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import AbstractBackoff, ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from app.core.jobs.lanes import Lane
from app.settings import Settings, SettingsError

QUEUES: Mapping[Lane, str] = MappingProxyType({Lane.URGENT: "vq-urgent", Lane.NORMAL: "vq", Lane.BULK: "vq-bulk"})
ACTOR = "run_job"

_HEARTBEAT_TIMEOUT_MS = 15_000
# Of a million commands. At the default of 1,000 what a killed worker had fetched stays where it is for minutes.
_MAINTENANCE_CHANCE = 50_000


class _UntilStopped(AbstractBackoff):
    """Waits between tries like the backoff it wraps, but lets the error through once the worker is to stop."""

    def __init__(self, stopping: Event) -> None:
        self._stopping = stopping
        self._backoff = ExponentialWithJitterBackoff(base=0.05, cap=1.0)

    def __deepcopy__(self, memo: object) -> "_UntilStopped":
        # The client copies its settings for every connection; all have to stop with the same worker.
        return self

    def compute(self, failures: int) -> float:
        if self._stopping.is_set():
            raise RedisConnectionError("the worker is stopping")
        return float(self._backoff.compute(failures))


def redis_url(settings: Settings) -> str:
    """Where Redis or Valkey answers; `SettingsError` if that is not set."""
    if settings.redis_url is None:
        raise SettingsError(
            "VQ_REDIS_URL is not set: give redis://host:6379/0, or use `vq up`, which starts a server of its own."
        )
    return settings.redis_url


def namespace(settings: Settings) -> str:
    """The prefix of every key Dramatiq writes; installations that share a Redis differ in it."""
    return f"{settings.bus_prefix}dramatiq"


def sending_broker(settings: Settings) -> RedisBroker:
    """For whoever sends: fails within about two seconds, because the sweep sends again anyway."""
    return _broker(settings, Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), 1), timeout_seconds=1.0)


def receiving_broker(settings: Settings, stopping: Event, run: Callable[[str, str], None], lane: Lane) -> RedisBroker:
    """For a worker's lane: outlasts an outage instead of failing an acknowledgement, until `stopping` is set."""
    broker = _broker(settings, Retry(_UntilStopped(stopping), 200), timeout_seconds=5.0)
    broker.declare_actor(
        dramatiq.Actor(run, broker=broker, actor_name=_actor(lane), queue_name=QUEUES[lane], priority=0, options={})
    )
    return broker


def job_message(tenant_id: str, job_id: str, lane: Lane) -> "dramatiq.Message[None]":
    """The message for a job."""
    args, name = (tenant_id, job_id), _actor(lane)
    return dramatiq.Message(queue_name=QUEUES[lane], actor_name=name, args=args, kwargs={}, options={})


def _actor(lane: Lane) -> str:
    return f"{ACTOR}_{lane.lower()}"


def _broker(settings: Settings, retry: Retry, *, timeout_seconds: float) -> RedisBroker:
    client = redis.Redis.from_url(
        redis_url(settings),
        retry=retry,
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
    )
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        middleware=[],
        namespace=namespace(settings),
        maintenance_chance=_MAINTENANCE_CHANCE,
        heartbeat_timeout=_HEARTBEAT_TIMEOUT_MS,
    )
