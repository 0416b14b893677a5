#!/usr/bin/env python3
"""Runs every suite and adds up: unit tests (cmocka), store, history and transfers under TSan, lint, system tests (pytest), profiles of real chargers (pytest),
certification cases (pytest), the web UI (Playwright), fuzzers.

usage: run_tests.py [unit|tsan|lint|system|chargers|conformance|ui|fuzz ...]
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
ASAN = ROOT / "build/asan"
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=1", UBSAN_OPTIONS="print_stacktrace=1",
                   TSAN_OPTIONS="halt_on_error=1", PYTHONDONTWRITEBYTECODE="1")
# Parsers of what comes from devices, the CSMS and profiles get a minute each, the others less.
FUZZ_SECONDS = {"fuzz_ocppj": 60, "fuzz_modbus": 60, "fuzz_echonet": 60, "fuzz_profile": 60}
FUZZ_SECONDS_OTHERS = 15
UNIT_TIMEOUT = 300
PYTHON = "/usr/bin/python3"  # Debian's, which has the test packages


class Total:
    passed = failed = 0

    def add(self, name, passed, failed, output=""):
        self.passed += passed
        self.failed += failed
        print(f"{'FAIL' if failed else 'ok  '} {name}: {passed} passed, {failed} failed", flush=True)
        if failed and output:
            print(output[-20000:], flush=True)


def run(command, timeout, cwd=ROOT, more=None):
    try:
        done = subprocess.run(command, cwd=cwd, env={**ENVIRONMENT, **(more or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, errors="replace")
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as expired:
        return -1, f"{(expired.stdout or b'').decode(errors='replace')}\nno end within {timeout} s"


def run_unit(binary):
    code, output = run([str(binary)], UNIT_TIMEOUT, binary.parent)
    passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", output)))
    failed = sum(map(int, re.findall(r"\[  FAILED  \] (\d+) test", output)))
    if code != 0 and failed == 0:
        failed = 1  # a crash, a leak or a time-out
    return binary.name, passed, failed, output


def unit_suite(total, directory=ASAN, pattern="test_*", label=""):
    binaries = sorted(p for p in directory.glob(pattern) if p.is_file() and os.access(p, os.X_OK))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, passed, failed, output in pool.map(run_unit, binaries):
            total.add(label + name, passed, failed, output)
    if not binaries:
        total.add(f"{label}{pattern} (none was built)", 0, 1)


def tsan_suite(total):
    for name in ("test_store", "test_history"):
        unit_suite(total, ROOT / "build/tsan", name, "tsan ")
    with tempfile.TemporaryDirectory() as scratch:
        pytest_suite(total, "tsan transfers", "tests/system/test_transfer.py", pathlib.Path(scratch) / "report.xml", 300,
                     {"BUILD": str(ROOT / "build/tsan")})


def lint_suite(total):
    code, output = run([str(ROOT / "tools/lint.sh")], 1200)
    total.add("lint", int(code == 0), int(code != 0), output)


def pytest_suite(total, name, directory, report, timeout, more=None):
    report.unlink(missing_ok=True)
    code, output = run([PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "4", "--dist", "loadgroup", f"--junitxml={report}", directory], timeout,
                       more=more)
    try:
        suite = xml.parse(report).getroot().find("testsuite")
        failed = int(suite.get("failures")) + int(suite.get("errors"))
        skipped = int(suite.get("skipped"))
        passed = int(suite.get("tests")) - failed - skipped
    except (OSError, xml.ParseError, AttributeError):
        passed, failed, skipped = 0, 1, 0
    # Nothing may be left out unseen: what a test needs is installed by tools/deps.sh.
    total.add(f"{name} (pytest)", passed, failed + skipped + int(code != 0 and failed + skipped == 0), output)


def system_suite(total):
    with tempfile.TemporaryDirectory() as scratch:
        pytest_suite(total, "system", "tests/system", pathlib.Path(scratch) / "report.xml", 2400)


def chargers_suite(total):
    with tempfile.TemporaryDirectory() as scratch:
        pytest_suite(total, "chargers", "tests/chargers", pathlib.Path(scratch) / "report.xml", 1200)


def conformance_suite(total):
    pytest_suite(total, "conformance", "tests/conformance", ROOT / "build/conformance.xml", 1800)  # the report: `make conformance`


def ui_suite(total):
    files = sorted(map(str, (ROOT / "tests/ui").glob("*.test.mjs")))
    code, output = run(["node", "--test", "--test-reporter=tap", "--test-concurrency=2", *files], 900)
    count = {name: int(number) for name, number in re.findall(r"(?m)^# (pass|fail|cancelled|skipped|todo) (\d+)$", output)}
    passed = count.pop("pass", 0)
    failed = sum(count.values())  # nothing may be left out unseen, as above
    total.add("ui (playwright)", passed, failed or int(code != 0 or passed == 0), output)


def run_fuzzer(binary):
    seconds = FUZZ_SECONDS.get(binary.name, FUZZ_SECONDS_OTHERS)
    corpus = ROOT / "tests/fuzz/corpus" / binary.name.removeprefix("fuzz_")
    with tempfile.TemporaryDirectory() as scratch:
        code, output = run([str(binary), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                            "-print_final_stats=1", scratch] + ([str(corpus)] if corpus.is_dir() else []), seconds + 120, scratch)
    runs = re.findall(r"stat::number_of_executed_units: (\d+)", output)
    return f"{binary.name} ({runs[0] if runs else 0} runs in {seconds} s)", int(code == 0), int(code != 0), output


def fuzz_suite(total):
    binaries = sorted(p for p in ASAN.glob("fuzz_*") if p.is_file() and os.access(p, os.X_OK))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, passed, failed, output in pool.map(run_fuzzer, binaries):
            total.add(name, passed, failed, output)
    if not binaries:
        total.add("fuzzers (none was built)", 0, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("suites", nargs="*")
    arguments = parser.parse_args()
    total = Total()
    suites = {"unit": unit_suite, "tsan": tsan_suite, "lint": lint_suite, "system": system_suite,
              "chargers": chargers_suite, "conformance": conformance_suite, "ui": ui_suite, "fuzz": fuzz_suite}
    for name in arguments.suites or suites:
        start = time.monotonic()
        suites[name](total)
        print(f"     {name}: {time.monotonic() - start:.0f} s", flush=True)
    print(f"{total.passed} passed, {total.failed} failed")
    sys.exit(1 if total.failed else 0)


if __name__ == "__main__":
    main()
