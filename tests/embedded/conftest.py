"""Places for embedded servers that are not the run's own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory others may pass through: pytest's own are private, and as root the servers run as somebody else."""
    directory = Path(tempfile.mkdtemp(prefix="vq-embedded-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)
