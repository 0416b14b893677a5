#!/usr/bin/env python3
"""The ledger of requirements: which test proves each one, and why some do not apply.

usage: requirements.py list     ids that are neither proved by a test nor not applicable; exit 1 if there are any
       requirements.py write    makes docs/requirements.md anew
       requirements.py check    exit 1 if docs/requirements.md gives other verdicts than `write` would, or names a test that is not there, or an
                                id is open
       requirements.py ids      makes tests/requirements/ids.txt anew from the specification beside the checkout

A test carries an id in a comment of its function or row. What does not apply stands in tests/requirements/BLOCK.txt, a line each:
the id and the reason.
"""
import collections
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "spec/ocpp-2.0.1"
LEDGER, DOCUMENT = ROOT / "tests/requirements", ROOT / "docs/requirements.md"
BLOCKS = {"A": "Security", "B": "Provisioning", "C": "Authorization", "D": "Local authorization list", "E": "Transactions",
          "F": "Remote control", "G": "Availability", "H": "Reservation", "I": "Tariff and cost", "J": "Meter values",
          "K": "Smart charging", "L": "Firmware management", "M": "Certificate management", "N": "Diagnostics",
          "O": "Display messages", "P": "Data transfer"}
ID = re.compile(r"\b([A-P]\d\d)\.FR\.(\d+)\b(?!\s*-)")
C_FUNCTION = re.compile(r"^(?:(?:static )?(?:void|int|bool|struct \w+ \*?|const \w+ \*?)\s?\*?)?([a-z]\w+)\(")
PYTHON_FUNCTION = re.compile(r"^\s*(?:async )?def (\w+)\(")


def ids_of_specification():
    found = set()
    for name in ("part2-specification.md", "errata-2025-09.md"):
        text = (SPEC / name).read_text(encoding="utf-8")
        text = re.sub(r"\b0(\d\d\.FR)", r"O\1", text)  # the letter of block O is a zero there
        found |= {m[0] for m in ID.finditer(text)}
    return sorted(found)


def ids():
    return (LEDGER / "ids.txt").read_text().split()


def not_applicable():
    reasons = {}
    for path in sorted(LEDGER.glob("?.txt")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            id_, _, reason = line.partition(" ")
            if not ID.fullmatch(id_) or not reason.strip() or id_[0] != path.stem or id_ in reasons:
                sys.exit(f"{path.relative_to(ROOT)}:{number}: want an id of block {path.stem}, once, a blank and the reason: {line}")
            reasons[id_] = reason.strip()
    return reasons


def in_comments(path, lines):
    """(line number, comment text) of every comment and docstring."""
    if path.suffix == ".py":
        inside = False
        for number, line in enumerate(lines):
            quotes = line.count('"""')
            if inside or quotes or "#" in line:
                yield number, line if inside or quotes else line[line.index("#"):]
            inside ^= quotes % 2 == 1
        return
    inside = False
    for number, line in enumerate(lines):
        text = ""
        if inside:
            text, end, _ = line.partition("*/")
            inside = not end
        for part in re.finditer(r"/\*(.*?)(\*/|$)|//(.*)", line if not text else ""):
            text += part[1] or part[3] or ""
            inside = bool(part[1] is not None and part[2] != "*/")
        if text:
            yield number, text


def place(path, lines, number):
    """The function the line is in, or that follows the comment it is part of."""
    pattern = PYTHON_FUNCTION if path.suffix == ".py" else C_FUNCTION
    at = number
    while at < len(lines) and not pattern.match(lines[at]) and lines[at].lstrip()[:1] in ("#", "/", "*", "@"):
        at += 1
    found = pattern.match(lines[at]) if at < len(lines) else None
    while not found and number >= 0:
        found = pattern.match(lines[number])
        number -= 1
    return found[1] if found else None


def proofs():
    """id -> the tests that carry it, in order."""
    found = collections.defaultdict(list)
    paths = sorted([*ROOT.glob("tests/**/test_*.c"), *ROOT.glob("tests/**/test_*.py")])
    for path in paths:
        if "node_modules" in path.parts:
            continue
        lines = path.read_text().splitlines()
        for number, text in in_comments(path, lines):
            for match in ID.finditer(text):
                name = f"{path.stem}: {place(path, lines, number) or 'rows'}"
                numbers = [match[2]]
                end = match.end()
                while short := re.compile(r"(?:, (?:and )?| and )\.(\d{2,3})\b").match(text, end):
                    numbers.append(short[1])
                    end = short.end()
                for n in numbers:
                    if name not in found[f"{match[1]}.FR.{n}"]:
                        found[f"{match[1]}.FR.{n}"].append(name)
    return found


def ledger():
    """(id, verdict, text) of each; verdict met, not applicable or open."""
    tests, reasons = proofs(), not_applicable()
    for id_ in ids():
        if id_ in tests:
            yield id_, "met", "<br>".join(f"`{t}`" for t in tests[id_][:3])
        elif id_ in reasons:
            yield id_, "not applicable", reasons[id_]
        else:
            yield id_, "open", ""


def document():
    rows = list(ledger())
    known = {r[0] for r in rows}
    text = ["# Requirements of OCPP 2.0.1", "",
            "Every requirement of Part 2 (with the errata of 2025-09) of the blocks below: the test that proves it, or why it does not",
            "apply to a gateway. Made by `make requirements`; a test compares.", "",
            "| block | met | not applicable | open |", "|---|---|---|---|"]
    for block, name in BLOCKS.items():
        count = collections.Counter(v for i, v, _ in rows if i[0] == block)
        text.append(f"| {block} {name} | {count['met']} | {count['not applicable']} | {count['open']} |")
    for block, name in BLOCKS.items():
        text += ["", f"## {block} {name}", "", "| requirement | verdict | by which test, or why not |", "|---|---|---|"]
        text += [f"| {i} | {v} | {t} |" for i, v, t in rows if i[0] == block]
    unknown = sorted(set(not_applicable()) - known)
    if unknown:
        sys.exit(f"not applicable, but no requirement of the specification: {' '.join(unknown)}")
    return "\n".join(text) + "\n"


def misreported():
    """Ids of which docs/requirements.md tells something else. It names a few tests of each, and more may have come."""
    known = proofs()
    told = {id_: (verdict, text) for id_, verdict, text in
            re.findall(r"^\| (\S+\.FR\.\d+) \| ([a-z ]+) \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)}
    for id_, verdict, text in ledger():
        met = verdict == "met"
        if told.get(id_, ("", ""))[0] != verdict or \
                (not set(re.findall(r"`(.*?)`", told[id_][1])) <= set(known[id_]) if met else told[id_][1] != text):
            yield id_
    yield from set(told) - set(ids())


def open_ids():
    return [i for i, v, _ in ledger() if v == "open"]


def main():
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if what == "ids":
        (LEDGER / "ids.txt").write_text("\n".join(ids_of_specification()) + "\n")
    elif what == "write":
        DOCUMENT.write_text(document())
    elif what == "list":
        print("\n".join(open_ids()) or "every requirement has a test or a reason")
        sys.exit(1 if open_ids() else 0)
    elif what == "check":
        if DOCUMENT.read_text().split("\n## ")[0] != document().split("\n## ")[0]:
            sys.exit("docs/requirements.md begins with other numbers: make requirements")
        if wrong := sorted(misreported()):
            sys.exit(f"docs/requirements.md is not what the tests say of {' '.join(wrong)}: make requirements")
        if open_ids():
            sys.exit(f"open requirements: {' '.join(open_ids())}")
        if SPEC.is_dir() and ids_of_specification() != ids():
            sys.exit("tests/requirements/ids.txt is not the specification's: tools/requirements.py ids")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
