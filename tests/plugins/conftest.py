"""The sample plug-in, built and installed by pip into a folder of its own, without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed: a folder for PYTHONPATH."""
    source, target = tmp_path_factory.mktemp("source") / "sample", tmp_path_factory.mktemp("site-packages")
    # Building leaves things behind, which are not for the checkout.
    shutil.copytree(SAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)],
        check=True,
        timeout=120,
    )
    return target


def vq(*arguments: str, path: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the real command, with a folder of plug-ins."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VQ_")} | variables
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join([str(path), str(Path(__file__).parents[2])])
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
