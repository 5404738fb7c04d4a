"""What somebody has who installs the package: a wheel in an environment of its own, far from the sources."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from journeys.platform import Platform

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The programs of an environment with the wheel in it; its dependencies are those of the environment that runs the tests."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = (tmp_path / "dist").glob("hongyan-*.whl")
    home = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip = [
        str(home / "bin/python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(pip, check=True)
    [packages] = home.glob("lib/python*/site-packages")
    # A path that is named so brings its packages, and not the link to these sources beside them.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def test_the_installed_package_serves_by_itself(installed: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("HONGYAN_", "PYTHON"))}
    where = [str(installed / "python"), "-c", "import hongyan; print(hongyan.__file__)"]
    assert subprocess.run(where, check=True, capture_output=True, text=True, cwd="/", env=environ).stdout.startswith(str(installed.parent))
    platform = Platform(python=str(installed / "python"))
    try:
        platform.start()
        told = subprocess.run(
            [str(installed / "hongyan"), "sandbox", "--json"],
            check=True,
            capture_output=True,
            cwd="/",
            env=environ | {"HONGYAN_DATA_DIR": str(platform.settings.data_dir)},
        )
        assert json.loads(told.stdout)["endpoint"].endswith(platform.address)
        platform.stop()
    finally:
        platform.destroy()
