"""Fetches GraphiQL and what it needs into app/api/static/graphiql, so that it works without a network.

Run it by hand after changing a version here: `python tools/vendor_graphiql.py`. It needs npm, and refuses a package
whose checksum is not the one written down.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

TARGET = Path(__file__).parents[1] / "app" / "api" / "static" / "graphiql"


@dataclass(frozen=True)
class Package:
    """One npm package, its checksum, and the files to keep (path in the package: name here)."""

    name: str
    version: str
    integrity: str
    files: dict[str, str]
    license: str = "LICENSE"


# graphiql 4 is the last major version that comes as one script; 5 is built on Monaco and would be 6 MB of files.
PACKAGES = (
    Package(
        "graphiql",
        "4.1.2",
        "sha512-rNlzQIAzm6i2KBXmVQWBgLvt0TloxFVB2d18bukvdsvjEuFDHsKx5IVOomL1W1o5WW+tE54+ioHb2AEKzO2cUg==",
        {"graphiql.min.js": "graphiql.min.js", "graphiql.min.css": "graphiql.min.css"},
    ),
    Package(
        "react",
        "18.3.1",
        "sha512-wS+hAgJShR0KhEvPJArfuPVN1+Hz1t0Y6n5jLrGQbkb4urgPE/0Rve+1kMB1v/oWgHgm4WIcV+i7F2pTVj+2iQ==",
        {"umd/react.production.min.js": "react.production.min.js"},
    ),
    Package(
        "react-dom",
        "18.3.1",
        "sha512-5m4nQKp+rZRb09LNH59GM4BxTh9251/ylbKIbpe7TpGxfJ+9kv6BLkLBXIjjspbgbnIBNqlI23tRnTWT0snUIw==",
        {"umd/react-dom.production.min.js": "react-dom.production.min.js"},
    ),
    Package(
        "graphql-ws",
        "5.16.2",
        "sha512-E1uccsZxt/96jH/OwmLPuXMACILs76pKF2i3W861LpKBCYtGIyPQGtWLuBLkND4ox1KHns70e83PS4te50nvPQ==",
        {"umd/graphql-ws.min.js": "graphql-ws.min.js"},
        license="LICENSE.md",
    ),
)


def fetch(package: Package, directory: Path) -> Path:
    """Download one package with npm and check it."""
    command = ["npm", "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", str(directory)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    archive = directory / f"{package.name}-{package.version}.tgz"
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.integrity:
        sys.exit(f"{package.name}@{package.version}: expected {package.integrity}, got {found}")
    return archive


def main() -> None:
    """Write the files, their checksums and their licences."""
    checksums: dict[str, dict[str, str]] = {}
    licenses: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        for package in PACKAGES:
            with tarfile.open(fetch(package, Path(directory))) as archive:

                def read(path: str, archive: tarfile.TarFile = archive) -> bytes:
                    member = archive.extractfile(f"package/{path}")
                    assert member is not None, path
                    return member.read()

                for source, name in package.files.items():
                    content = read(source)
                    (TARGET / name).write_bytes(content)
                    checksums[name] = {
                        "package": f"{package.name}@{package.version}",
                        "sha256": hashlib.sha256(content).hexdigest(),
                    }
                text = read(package.license).decode().strip()
                licenses.append(f"{package.name} {package.version}\n{'=' * 40}\n{text}\n")
    (TARGET / "checksums.json").write_text(json.dumps(checksums, indent=2, sort_keys=True) + "\n")
    (TARGET / "LICENSES.txt").write_text("\n".join(licenses))


if __name__ == "__main__":
    main()
