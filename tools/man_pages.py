#!/usr/bin/env python3
"""Makes a manual page of what the documentation and the program itself say, so that it cannot go stale.

usage: man_pages.py PAGE VERSION [SETTINGS]   PAGE as in PAGES below; SETTINGS: a file with the output of `ocpp-gateway --settings`
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = {  # page: (section, what it is, file, heading it begins under (None: the whole), heading it ends before)
    "ocpp-gateway": (8, "connects Modbus, ECHONET Lite and OCPP 1.6 chargers to a CSMS by OCPP 2.0.1", "docs/commands.md", "## ocpp-gateway", "## "),
    "ocpp-csms": (1, "a small CSMS for commissioning, islands and demos", "docs/commands.md", "## ocpp-csms", "## "),
    "ocpp-sim": (1, "plays chargers for everybody without hardware", "docs/simulator.md", None, None),
    "gateway.yaml": (5, "configuration of ocpp-gateway", "docs/configuration.md", None, "## Reference"),
}


def plain(text):
    """Text as roff takes it for text."""
    return text.replace("\\", "\\e").replace("-", "\\-")


def inline(text):
    """Code and bold in bold, links without their targets."""
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)
    out = ""
    for part in re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", text):
        marked = re.fullmatch(r"`([^`]+)`|\*\*([^*]+)\*\*", part)
        out += f"\\fB{plain(marked[1] or marked[2])}\\fR" if marked else plain(re.sub(r"\*([^*]+)\*", r"\1", part))
    return out


def line(text):
    """One line of the page; one that begins with a dot or an apostrophe would be a request."""
    return "\\&" + text if text[:1] in (".", "'") else text


def cells(row):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def table(rows):
    """Each row is a tagged paragraph: what the first column says, and the others with it."""
    head, out = cells(rows[0]), []
    for row in rows[2:]:
        first, *others = cells(row)
        out += [".TP", line(inline(first)) or "\\&"]
        if head[:4] == ["key", "value", "default", "meaning"]:
            value, default, meaning = others
            out += [line(inline(meaning)), ".br"] if meaning else []
            out += [line(inline(f"({value})" if default == "-" else f"({value}; required)" if default == "required" else f"({value}; default {default})"))]
        else:
            out.append(line(inline("; ".join(filter(None, others)))) or "\\&")
    return out


def example(lines):
    return [".PP", ".RS 4", ".EX", *(line(plain(text)) for text in lines), ".EE", ".RE"]


def blocks(text):
    """Paragraphs, tables, lists, examples and headings: (kind, lines)."""
    lines, found = text.splitlines(), []
    while lines:
        if not lines[0].strip():
            lines.pop(0)
        elif lines[0].startswith("```"):
            lines.pop(0)
            code = []
            while not lines[0].startswith("```"):
                code.append(lines.pop(0))
            lines.pop(0)
            found.append(("example", code))
        else:
            kind = next((name for name, begin in (("heading", "#"), ("table", "|"), ("item", "- "), ("example", "    ")) if lines[0].startswith(begin)),
                        "text")
            block = [lines.pop(0)]
            while lines and lines[0].strip() and kind != "heading":
                begins = re.match(r"#|\||- |```|    " if kind in ("text", "item") else r"#|```", lines[0])
                if (kind in ("table", "example") and not lines[0].startswith(("|", "    "))) or \
                        (begins and not (kind == "item" and lines[0].startswith("    "))):
                    break
                block.append(lines.pop(0))
            found.append((kind, [text[4:] for text in block] if kind == "example" else block))
    return found


def render(found):
    out = []
    for kind, lines in found:
        if kind == "heading":
            marks, title = lines[0].split(" ", 1)
            title = inline(title)
            out += [".SH " + title.upper() if len(marks) == 2 else ".SS " + title]
        elif kind == "table":
            out += table(lines)
        elif kind == "example":
            out += example(lines)
        elif kind == "item":
            out += [".IP \\(bu 2", *(line(inline(text.strip())) for text in [" ".join([lines[0][2:], *lines[1:]])])]
        else:
            out += [".PP", line(inline(" ".join(text.strip() for text in lines)))]
    return out


def part(path, begin, end):
    """The text between two headings, without the first one."""
    text = "\n" + (ROOT / path).read_text()
    text = text.split(f"\n{begin}\n" if begin else "\n# ", 1)[1]
    if not begin:
        text = text.split("\n", 1)[1]
    return text.split(f"\n{end}", 1)[0] if end else text


def main():
    page, version = sys.argv[1:3]
    section, summary, path, begin, end = PAGES[page]
    found = blocks(part(path, begin, end))
    out = [f'.TH {plain(page).upper()} {section} "" "ocpp\\-gateway {version}" "ocpp\\-gateway"', ".ad l", ".nh", ".SH NAME", plain(f"{page} - {summary}")]
    usage = next((i for i, (kind, lines) in enumerate(found) if kind == "example" and page in lines[0]), None)
    if usage is not None:
        out += [".SH SYNOPSIS", ".EX", *(line(plain(text)) for text in found.pop(usage)[1]), ".EE"]
    out += [".SH DESCRIPTION", *render(found)]
    if len(sys.argv) > 3:
        out += [".SH REFERENCE", *render(blocks(pathlib.Path(sys.argv[3]).read_text()))]
    others = [f".BR {plain(name)} ({number})" for name, number in sorted([("ocpp-cli", 1), *((name, row[0]) for name, row in PAGES.items())])
              if name != page]
    out += [".SH SEE ALSO", *(name + "," for name in others[:-1]), others[-1]]
    sys.stdout.buffer.write(("\n".join(out) + "\n").encode())


if __name__ == "__main__":
    main()
