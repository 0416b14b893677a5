#!/usr/bin/env python3
"""The certification cases: what a station must pass, what it passes, and what cannot be asked of it.

usage: conformance.py list             cases with neither a test nor a reason, or with both; exit 1 if there are any
       conformance.py write REPORT     makes docs/conformance.md from a run's junit report (pytest --junitxml)
       conformance.py check            exit 1 if `list` would, or docs/conformance.md speaks of other cases or knows one that fails

The cases stand in tests/conformance/cases.txt, the reasons in tests/conformance/not_applicable.txt.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES, DOCUMENT = ROOT / "tests/conformance", ROOT / "docs/conformance.md"
PROFILES = {"Core": "Core", "AdvancedSecurity": "Advanced Security", "LocalAuthorizationList": "Local Authorization List Management",
            "SmartCharging": "Smart Charging", "AdvancedDeviceManagement": "Advanced Device Management", "Reservation": "Reservation",
            "AdvancedUserInterface": "Advanced User Interface", "ISO15118": "ISO 15118 Support"}
OBLIGATIONS = {"M": "mandatory", "C": "conditional", "P": "in Part 6 only"}
BLOCKS = {"A": "Security", "B": "Provisioning", "C": "Authorization", "D": "Local authorization list", "E": "Transactions", "F": "Remote control", "G": "Availability",
          "H": "Reservation", "I": "Tariff and cost", "J": "Meter values", "K": "Smart charging", "L": "Firmware management", "M": "Certificate management", "N": "Diagnostics",
          "O": "Display messages", "P": "Data transfer"}
FUNCTION = re.compile(r"^def test_(TC_[A-P]_\d+)_CS\b", re.MULTILINE)


def lines(name):
    text = (CASES / name).read_text()
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def cases():
    """id -> (profile, M, C or P), in the order of block and number."""
    found = {}
    for line in lines("cases.txt"):
        id_, profile, obligation = line.split()
        found[id_] = (PROFILES[profile], obligation)
    return dict(sorted(found.items(), key=lambda item: (item[0].split("_")[1], int(item[0].split("_")[2]))))


def reasons():
    found = {}
    for line in lines("not_applicable.txt"):
        id_, _, reason = line.partition(" ")
        if not reason.strip() or id_ in found:
            sys.exit(f"not_applicable.txt: want each id once, a blank and the reason: {line}")
        found[id_] = reason.strip()
    return found


def functions():
    """id -> file of its test."""
    found = {}
    for path in sorted(CASES.glob("test_tc_*.py")):
        for id_ in FUNCTION.findall(path.read_text()):
            if id_ in found:
                sys.exit(f"{id_} is tested twice: {found[id_]}, {path.name}")
            found[id_] = path.name
    return found


def problems():
    required, excused, tested = cases(), reasons(), functions()
    return [f"{id_}: neither a test nor a reason" for id_ in required if id_ not in excused and id_ not in tested] + \
        [f"{id_}: a test and a reason against it" for id_ in excused if id_ in tested] + \
        [f"{id_}: no case of these profiles" for id_ in [*excused, *tested] if id_ not in required]


def verdicts(report):
    """id -> passes, fails: of every test of a case that was run."""
    found = {}
    for case in xml.parse(report).getroot().iter("testcase"):
        match = re.match(r"test_(TC_[A-P]_\d+)_CS\b", case.get("name"))
        if match:
            bad = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
            found[match[1]] = "fails" if bad or found.get(match[1]) == "fails" else "passes"
    return found


def document(verdict_of):
    required, excused = cases(), reasons()
    verdict = {id_: "not applicable" if id_ in excused else verdict_of.get(id_, "not run") for id_ in required}
    count = {kind: list(verdict.values()).count(kind) for kind in ("passes", "fails", "not run", "not applicable")}
    text = ["<!-- Made by tools/conformance.py from a run of tests/conformance. -->", "# Certification cases", "",
            "Every test case of the certification profiles of OCPP 2.0.1 (Part 5) that a charging station is put to,",
            "with what came out when it was run against the gateway ([tests/conformance](../tests/conformance/README.md)).",
            "`make conformance` runs them and writes this anew.", "",
            ", ".join(f"{n} {kind}" for kind, n in count.items() if n or kind in ("passes", "fails")) +
            f"; {len(required)} in all.", ""]
    for block, title in BLOCKS.items():
        text += [f"## {block} {title}", "", "| case | profile | | verdict |", "|---|---|---|---|"]
        text += [f"| {id_} | {profile} | {OBLIGATIONS[obligation]} | {verdict[id_]}{': ' + excused[id_] if id_ in excused else ''} |"
                 for id_, (profile, obligation) in required.items() if id_.split("_")[1] == block] + [""]
    return "\n".join(text[:-1]) + "\n"


def check():
    found = problems()
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    told = dict(re.findall(r"^\| (TC_\w+) \|[^|]*\|[^|]*\| ([^|]*) \|$", text, re.MULTILINE))
    excused = reasons()
    for id_ in cases():
        wanted = f"not applicable: {excused[id_]}" if id_ in excused else "passes"
        if told.get(id_) != wanted:
            found.append(f"docs/conformance.md: {id_}: {told.get(id_, 'missing')}, not {wanted}")
    return found


def main():
    command = sys.argv[1:]
    if command == ["list"]:
        found = problems()
    elif command == ["check"]:
        found = check()
    elif len(command) == 2 and command[0] == "write":
        DOCUMENT.write_text(document(verdicts(command[1])))
        return
    else:
        sys.exit(__doc__)
    print("\n".join(found) if found else f"{len(cases())} cases")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
