#!/usr/bin/env python3
"""Rules of the architecture that the compiler does not know: layers, purity, sizes.

usage: lint.py BUILD_DIRECTORY
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A layer may include itself and these (docs/architecture.md).
LAYERS = {
    "base": set(),
    "ocpp": {"base"},
    "pki": {"base"},
    "station": {"base", "ocpp", "pki"},
    "charger": {"base"},
    "net": {"base", "pki"},
    "driver": {"base", "net", "charger", "ocpp"},
    "store": {"base", "net"},
    "manage": {"base", "net", "pki", "store"},
    "gateway": {"base", "pki", "ocpp", "station", "charger", "net", "driver", "store", "manage"},
}
# Pure: whole archives, and single objects of layers that also do I/O.
PURE_ARCHIVES = ["ocpp", "station", "charger"]
IMPURE_BASE = {"log.c.o"}
PURE_PKI = re.compile(r"pki\w*\.c\.o$")
PURE_NET = re.compile(r"http_(head|text)\.c\.o$")
PURE_OBJECTS = re.compile(r"(codec|framing|plan|property_map|engine|frame)\w*\.c\.o$")
ALLOWED = re.compile(
    r"^(mem(cpy|move|set|cmp|chr|mem|rchr)|explicit_bzero|str(len|nlen|cmp|ncmp|casecmp|ncasecmp|chr|rchr|chrnul|str|spn|cspn|pbrk|dup|ndup|tod|sep)"
    r"|strcasestr|__popcountdi2|strerrordesc_np|v?snprintf|malloc|calloc|realloc|reallocarray|free|qsort|qsort_r|bsearch|abort|__errno_location|__stack_chk_fail"
    r"|__(mem|str|v?sn?printf|explicit)\w*_chk|__isoc\d+_strto\w+|__assert_fail|strto(ll|ull|l|ul)|__ctype_\w+|tolower|toupper"
    r"|(f|l|ll|n)?(abs|ceil|floor|fmod|round|rint|trunc|min|max|pow|sqrt|isnan|log10|exp|modf|remainder)l?|lround|llround|pow|log|json_\w+|jsonp_\w+|yaml_\w+"
    r"|_GLOBAL_OFFSET_TABLE_|_?_?stpcpy|__fprintf_chk|log_\w+)$")
# Of OpenSSL what computes, reads and judges texts in memory; nothing that opens files, draws random numbers or reads the clock.
ALLOWED_PKI = re.compile(r"^(ASN1_(STRING_\w+|TIME_diff|TIME_set|TIME_free)|BIO_(new|new_mem_buf|s_mem|ctrl|vfree)|CRYPTO_free"
                         r"|d2i_OCSP_RESPONSE|OBJ_obj2nid|OCSP_(?!sendreq|REQ_CTX|check_validity)\w+"
                         r"|ERR_\w+|EVP_(DecodeBlock|Digest|MD_get_type|sha\d+|PKEY_(eq|free|get_\w+))|OPENSSL_sk_\w+|PEM_(read|write)_bio_X509(_REQ|_CRL)?"
                         r"|X509_(?!load|LOOKUP|STORE_(load|set_default))\w+)$")
MAX_FILE, MAX_FUNCTION, MAX_DEPTH, MAX_PARAMETERS = 800, 80, 4, 6

problems = []


def problem(text):
    problems.append(text)


def check_layers():
    for path in sorted(ROOT.glob("src/**/*.[ch]")):
        layer = path.relative_to(ROOT / "src").parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'#include "([a-z]+)/', line)
            if found and found[1] != layer and found[1] not in LAYERS[layer]:
                problem(f"{path.relative_to(ROOT)}:{number}: {layer}/ must not include {found[1]}/")


def symbols(archive, flag):
    """(object, symbol) of an archive."""
    output = subprocess.run(["nm", "-A", flag, str(archive)], capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        fields = line.split()
        yield fields[0].split(":")[1], fields[-1]


def check_purity(build):
    base = list(symbols(build / "libbase.a", "--defined-only"))
    known = {symbol for _, symbol in base}
    archives = [(name, None) for name in PURE_ARCHIVES] + [("driver", PURE_OBJECTS), ("base", None), ("pki", PURE_PKI), ("net", PURE_NET)]
    for name, only in archives:
        archive = build / f"lib{name}.a"
        own = {symbol for _, symbol in symbols(archive, "--defined-only")} | known
        if name == "station":
            own |= {symbol for below in ("ocpp", "pki") for _, symbol in symbols(build / f"lib{below}.a", "--defined-only")}
        if name == "driver":
            own |= {symbol for below in ("charger", "ocpp") for _, symbol in symbols(build / f"lib{below}.a", "--defined-only")}
        for member, symbol in symbols(archive, "--undefined-only"):
            if (only and not only.search(member)) or (name == "base" and member in IMPURE_BASE):
                continue
            if name == "pki" and ALLOWED_PKI.match(symbol):
                continue
            if symbol not in own and not ALLOWED.match(symbol):
                problem(f"lib{name}.a({member}) is pure but uses {symbol}()")


def check_sizes():
    for path in sorted([*ROOT.glob("src/**/*.[ch]"), *ROOT.glob("cli/*.[ch]"), *ROOT.glob("sim/*.[ch]"), *ROOT.glob("csms/*.[ch]"),
                        *ROOT.glob("bench/*.[ch]")]):
        name = path.relative_to(ROOT)
        lines = path.read_text().splitlines()
        if path.name.endswith(("_table.c", "_tables.c")):
            continue
        if len(lines) > MAX_FILE:
            problem(f"{name}: {len(lines)} lines; at most {MAX_FILE}")
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{" and number > 1 and path.suffix == ".c":
                start, depth = number, 0
                head = " ".join(lines[max(0, number - 5):number - 1]).split(";")[-1].split("}")[-1]
                head = re.sub(r"^.*\*/|/\*.*?\*/", "", head)  # commas of a comment are no parameters
                foreign = "Foreign signature" in "".join(lines[max(0, number - 6):number])  # a library's callback, said so
                if not foreign and re.sub(r"\([^()]*\)(?=[,)])", "", head).count(",") >= MAX_PARAMETERS:
                    problem(f"{name}:{number}: more than {MAX_PARAMETERS} parameters")
            elif line == "}" and start:
                if number - start > MAX_FUNCTION:
                    problem(f"{name}:{start}: function of {number - start} lines; at most {MAX_FUNCTION}")
                start = None
            elif start:
                indent = len(line) - len(line.lstrip(" "))
                if re.match(r"\s+(if|for|while|switch|do)\b.*\{$", line) and indent // 4 > MAX_DEPTH:
                    problem(f"{name}:{number}: nested more than {MAX_DEPTH - 1} deep")


def main():
    build = pathlib.Path(sys.argv[1])
    check_layers()
    check_purity(build)
    check_sizes()
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
