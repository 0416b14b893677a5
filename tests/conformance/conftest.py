"""Certification cases: see README.md. `station` makes the system under test; what went over the wire is printed where a case fails."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from file_servers import HttpFiles  # noqa: E402  (beside the system tests, as harness.py)
from rig import Rig  # noqa: E402
from servers import Authority  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if call.when == "call":
        item.passed = report.passed


@pytest.fixture
def station(request):
    """station(**options) gives a booted, idle station; every one made is checked by the general rules when the case is over."""
    rigs = []

    def make(**options):
        rigs.append(Rig(**options))
        rigs[-1].start()
        return rigs[-1]
    make.prepared = lambda **options: rigs.append(Rig(**options)) or rigs[-1]   # to be started by the case
    yield make
    passed = getattr(request.node, "passed", False)
    for rig in reversed(rigs):
        rig.finish(passed)


@pytest.fixture
def authority():
    """A root, made for this case."""
    return Authority("root")


@pytest.fixture
def files(tmp_path):
    """An HTTP file server with a directory of its own."""
    server = HttpFiles(tmp_path)
    yield server
    if server.hold:
        server.hold.set()
    server.stop()
