"""A recommendation in a sentence with its figures, in English for people who plan. Decides nothing."""

from app.simulation.recommending import Kind, Recommendation

_IN_SECONDS = 120.0


def sentence(found: Recommendation) -> str:
    """As in: One more counter from 10:00 to 12:00 cuts the P90 wait of those who join then from 14 to 6 min."""
    change = _pair("from", found.before_p90_seconds, "to", found.after_p90_seconds)
    whose = "the P90 wait" if found.starts_hour is None else "the P90 wait of those who join then"
    hours = "" if found.starts_hour is None else f" from {found.starts_hour:02}:00 to {found.ends_hour:02}:00"
    match found.kind:
        case Kind.MORE_COUNTERS:
            count = found.difference or 0
            verb = "cuts" if count == 1 else "cut"
            text = f"{'One more counter' if count == 1 else f'{count} counters more'}{hours} {verb} {whose} {change}"
        case Kind.FEWER_COUNTERS:
            text = f"One counter less{hours} is hardly missed: {whose} goes {change}"
        case Kind.RELEASE_RATE:
            text = f"A release rate of {found.value:,} a minute cuts {whose} {change}"
        case Kind.MAX_CONCURRENT_USERS:
            text = f"Letting {found.value:,} be inside at once cuts {whose} {change}"
        case Kind.DISCIPLINE:
            worth = ", ".join(f"{_one(seconds)} for priority {priority}" for priority, seconds in found.credits)
            text = (
                f"Time credit instead of classes ({worth}) brings {whose} of all {change}, and keeps those without "
                "priority from waiting behind everybody else"
            )
    between = _pair("between", found.likely.low, "and", found.likely.high)
    return f"{text}; on days like these it would be {between} in nine of ten cases."


def _pair(word: str, first: float, other: str, second: float) -> str:
    """Both in seconds below two minutes, else in minutes with a decimal below ten."""
    if max(first, second) < _IN_SECONDS:
        return f"{word} {first:.0f} {other} {second:.0f} s"
    return f"{word} {_minutes(first)} {other} {_minutes(second)} min"


def _one(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _IN_SECONDS else f"{_minutes(seconds)} min"


def _minutes(seconds: float) -> str:
    value = seconds / 60
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
