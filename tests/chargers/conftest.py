"""All devices of the selected tests, one gateway and one CSMS, made once; see README.md."""
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "system"), str(pathlib.Path(__file__).resolve().parent)]

from site_of_chargers import Yard  # noqa: E402  (beside this file; it imports harness.py of the system tests)


@pytest.fixture(scope="session")
def outcomes(request):
    """Profile -> what came of its scenario, of every test_session that was selected."""
    selected = sorted({item.callspec.params["profile"] for item in request.session.items
                       if item.path.name == "test_chargers.py" and getattr(item, "originalname", "") == "test_session"})
    with Yard(selected) as yard:
        yield yard.run()
