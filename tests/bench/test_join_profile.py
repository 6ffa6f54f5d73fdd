"""A profile says whose work it was: read from collapsed stacks, as the sampler writes them."""

from pathlib import Path

from bench.live.join_profile import Profile

_APP = "/somewhere/app/sessions/service.py"
_LIBRARY = "/somewhere/lib/python3.11/site-packages/sqlalchemy/engine/base.py"


def _written(directory: Path, *lines: str) -> Path:
    file = directory / "samples.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_the_innermost_frame_is_who_worked_and_the_outer_ones_who_let_it(tmp_path: Path) -> None:
    profile = Profile.read(
        _written(
            tmp_path,
            f"main (/somewhere/run.py);join ({_APP}) 3",
            f"main (/somewhere/run.py);join ({_APP});Connection.<locals>.execute ({_LIBRARY}) 6",
            "main (/somewhere/run.py) 1",
        )
    )

    assert profile.total == 10
    assert list(profile.by_part()) == [
        ("sqlalchemy", 0.6, [("Connection.<locals>.execute (sqlalchemy/engine/base.py)", 0.6)]),
        ("app/sessions", 0.3, [("join (app/sessions/service.py)", 0.3)]),
        ("the standard library and the rest", 0.1, [("main (/somewhere/run.py)", 0.1)]),
    ]
    assert profile.inclusive() == [("join (app/sessions/service.py)", 0.9)]


def test_what_happened_before_the_window_does_not_count(tmp_path: Path) -> None:
    before = Profile.read(_written(tmp_path, f"join ({_APP}) 3"))
    after = Profile.read(_written(tmp_path, f"join ({_APP}) 5", f"call ({_APP}) 1"))

    assert after.without(before).stacks == {
        ("join (app/sessions/service.py)",): 2,
        ("call (app/sessions/service.py)",): 1,
    }
