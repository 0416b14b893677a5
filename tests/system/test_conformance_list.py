"""The lists of certification cases and of requirements are complete, and docs/conformance.md and docs/requirements.md tell the same."""
import subprocess
import sys

from harness import ROOT


def test_every_case_has_a_test_that_passed_or_a_reason():
    done = subprocess.run([sys.executable, ROOT / "tools/conformance.py", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_requirement_has_a_test_or_a_reason():
    done = subprocess.run([sys.executable, ROOT / "tools/requirements.py", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
