"""A recommendation in a sentence with its figures, in English for people who plan. Decides nothing."""

from app.simulation.recommending import Kind, Recommendation


def sentence(found: Recommendation) -> str:
    """As in: One more counter from 10:00 to 12:00 cuts the P90 wait of those who join then from 14 to 6 min."""
    before, after = minutes(found.before_p90_seconds), minutes(found.after_p90_seconds)
    whose = "the P90 wait" if found.starts_hour is None else "the P90 wait of those who join then"
    hours = "" if found.starts_hour is None else f" from {found.starts_hour:02}:00 to {found.ends_hour:02}:00"
    match found.kind:
        case Kind.MORE_COUNTERS:
            text = f"{_counters(found, 'more')}{hours} cuts {whose} from {before} to {after} min"
        case Kind.FEWER_COUNTERS:
            text = f"{_counters(found, 'less')}{hours} is hardly missed: {whose} goes from {before} to {after} min"
        case Kind.RELEASE_RATE:
            text = f"A release rate of {found.value:,} a minute cuts {whose} from {before} to {after} min"
        case Kind.MAX_CONCURRENT_USERS:
            text = f"Letting {found.value:,} be inside at once cuts {whose} from {before} to {after} min"
        case Kind.DISCIPLINE:
            worth = ", ".join(f"{minutes(seconds)} min for priority {priority}" for priority, seconds in found.credits)
            text = (
                f"Time credit instead of classes ({worth}) brings {whose} of all from {before} to {after} min, "
                "and keeps those without priority from waiting behind everybody else"
            )
    low, high = minutes(found.likely.low), minutes(found.likely.high)
    between = f"{low} min" if low == high else f"between {low} and {high} min"
    return f"{text}; on days like these it would be {between} in nine of ten cases."


def minutes(seconds: float) -> str:
    """With a decimal below ten."""
    value = seconds / 60
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def _counters(found: Recommendation, word: str) -> str:
    count = abs(found.difference or 0)
    if count != 1:
        return f"{count} counters {word}"
    return "One more counter" if word == "more" else "One counter less"
