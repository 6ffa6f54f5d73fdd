"""Buckets of durations: relative error at most 1 %, and counts, so that what was added can be taken out again. Pure.

The mapping is that of DDSketch (Masson, Rim, Lee, VLDB 2019) from its authors' library; what is kept is a list of
bucket, count, bucket, count …, in order of the buckets, which is all that such a sketch is.
"""

from functools import lru_cache
from typing import Final

from ddsketch.mapping import LogarithmicMapping

RELATIVE_ERROR: Final = 0.01
_MAPPING: Final = LogarithmicMapping(RELATIVE_ERROR)
_ZERO: Final = -1
"""Less than a millisecond."""


@lru_cache(maxsize=65_536)
def bucket_of(milliseconds: int) -> int:
    """The bucket of a duration; never a lower one for a longer duration."""
    key: int = _MAPPING.key(milliseconds) if milliseconds > 0 else _ZERO
    return key


@lru_cache(maxsize=4_096)
def milliseconds_of(bucket: int) -> float:
    """What stands for every duration of a bucket: none of them differs by more than 1 %."""
    value: float = _MAPPING.value(bucket) if bucket != _ZERO else 0.0
    return value
