"""What `make test` does with failures: few are run again alone, and nothing that fails twice passes."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "tests.py"
FIRST_TIME = """
from pathlib import Path
def test_{name}():
    before, _ = Path("{name}").exists(), Path("{name}").touch()
    assert before
"""


def run(there: Path, text: str) -> subprocess.CompletedProcess[str]:
    (there / "pytest.ini").write_text("[pytest]\n")
    (there / "test_some.py").write_text(text + "\ndef test_good():\n    pass\n")
    return subprocess.run([sys.executable, SCRIPT, "-q"], cwd=there, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("text", "passes", "said"),
    [
        ("", True, "1 passed"),
        (
            FIRST_TIME.format(name="a"),
            True,
            "UNSTEADY, passed alone, somebody has to look at it: test_some.py::test_a",
        ),
        ("def test_b():\n    assert False\n", False, "Once more, each alone: test_some.py::test_b"),
        ("".join(FIRST_TIME.format(name=name) for name in "abc"), False, "3 failed"),
        ("def broken(:\n", False, "SyntaxError"),
    ],
    ids=["good", "unsteady", "bad", "too many", "broken"],
)
def test_what_fails_twice_fails(tmp_path: Path, text: str, passes: bool, said: str) -> None:
    done = run(tmp_path, text)
    assert (done.returncode == 0) is passes, done.stdout + done.stderr
    assert said in done.stdout
    assert ("UNSTEADY" in done.stdout) is (passes and bool(text))
