"""Shell completion and manual pages: made of the table of commands and the documentation, complete, and good for those who read them."""
import os
import re
import subprocess
import sys
import time

import pytest

from harness import BUILD, ROOT, Site
from test_operations import one_station

CLI = str(BUILD / "ocpp-cli")


def run(*command, given=None, **environment):
    done = subprocess.run([*map(str, command)], input=given, capture_output=True, text=True, timeout=30, env={**os.environ, **environment})
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def commands():
    """Names of all commands, from --help."""
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)(?= |$)", run(CLI, "--help").split("Options of all")[0], re.M)


def words(*given, **environment):
    return [line.split("\t")[0] for line in run(CLI, "completion", "words", "--", *given, OCPP_GATEWAY_SOCKET="/nowhere", **environment).splitlines()]


# ---- completion ----

@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_are_well_formed(shell, tmp_path):
    script = tmp_path / "script"
    script.write_text(run(CLI, "completion", shell))
    assert "completion words" in script.read_text()
    run(shell, "-n", script)


def test_every_command_and_option_is_completed():
    for command in commands():
        first, *second = command.split()
        assert first in words(first[:-1])
        assert not second or second[0] in words(first, second[0][:-1])
        offered = words(*command.split(), "--")
        assert "--json" in offered and all("--" + option in offered for option in re.findall(
            r"^  .{4}--([a-z0-9-]+)", run(CLI, *command.split(), "--help"), re.M)), command
    assert words("users", "role", "ann", "o") == ["operator"] and words("top", "--sort", "p") == ["power"]
    assert words("--socket", "x", "--json", "log", "--f") == ["--follow"] and words("check", "a", "") == [":files"]
    assert words("send", "CS1", "Unlock") == ["UnlockConnector"] and words("nonsense", "x", "") == [] and words("limit", "CS1", "r") == ["release"]


def bash(site, line):
    script = f'source <("$0" completion bash); COMP_LINE=$1; COMP_POINT=${{#COMP_LINE}}; _ocpp_cli; printf "%s\\n" "${{COMPREPLY[@]}}"'
    out = run("bash", "-c", script, CLI, f"{CLI} {line}", OCPP_GATEWAY_SOCKET=str(site.directory / "gateway.sock"))
    return [word for word in out.splitlines() if word]


def test_fish_and_zsh_show_what_a_word_means(tmp_path):
    path = {"PATH": f"{BUILD}:{os.environ['PATH']}", "HOME": str(tmp_path), "OCPP_GATEWAY_SOCKET": "/nowhere"}
    (tmp_path / "scan.yaml").touch()
    fish = run("fish", "-c", f'ocpp-cli completion fish | source; cd {tmp_path}; complete -C "ocpp-cli users a"; complete -C "ocpp-cli check sc"', **path)
    assert fish.splitlines()[0].startswith("add\ta new user; ") and fish.splitlines()[1:] == ["scan.yaml"]
    zsh = run("zsh", "-f", "-c", """compdef() { }; _files() { print FILES }; _describe() { print -l -- ${(P)2} }; eval "$(ocpp-cli completion zsh)"
                                    words=(ocpp-cli users a); CURRENT=3; _ocpp_cli; words=(ocpp-cli check ""); CURRENT=3; _ocpp_cli""", **path)
    assert zsh.splitlines()[0].startswith("add:a new user; ") and zsh.splitlines()[1:] == ["FILES"]


def test_names_are_asked_of_the_gateway():
    with Site() as site:
        site.station("CS2", site.tcp_charger("tcp2", 15021))
        one_station(site)
        assert sorted(bash(site, "station show ")) == ["CS1", "CS2"] and bash(site, "station show CS1") == ["CS1"]
        assert bash(site, "--server https://x:1 users a") == ["add"]       # a colon ends no word
        assert bash(site, "trial demo-modbus-r") == ["demo-modbus-rtu"] and bash(site, "stations --csms t") == ["test"]
        assert bash(site, "--socket /nowhere station show ") == []


def test_without_a_gateway_it_is_quick_and_silent():
    begin = time.monotonic()
    done = subprocess.run([CLI, "--socket", "/nowhere", "completion", "words", "--", "station", "show", ""], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and time.monotonic() - begin < 5


# ---- manual pages ----

def pages(directory):
    """Each page as the build makes it: (name, file)."""
    settings = directory / "settings.md"
    settings.write_text(run(BUILD / "ocpp-gateway", "--settings"))
    made = {"ocpp-cli.1": run(CLI, "man")}
    for name, section in (("ocpp-gateway", 8), ("ocpp-csms", 1), ("ocpp-sim", 1), ("gateway.yaml", 5)):
        made[f"{name}.{section}"] = run(sys.executable, ROOT / "tools/man_pages.py", name, "1.0", *([settings] if section == 5 else []))
    for name, text in made.items():
        (directory / name).write_text(text)
    return {name: directory / name for name in made}


def rendered(path):
    return re.sub(r".\x08", "", run("groff", "-k", "-Tutf8", "-man", "-P-c", "-rLL=200n", path))


def test_the_pages_are_without_a_warning(tmp_path):
    for name, path in pages(tmp_path).items():
        done = subprocess.run(["groff", "-k", "-ww", "-man", "-Tutf8", str(path)], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, ""), name
        assert path.read_text().startswith(".TH ") and re.search(r"^NAME\n +" + re.escape(name[:-2]) + " [-‐−] ", rendered(path), re.M), name
        run("mandoc", "-T", "lint", "-W", "error", path)


def test_each_command_and_option_is_in_the_page(tmp_path):
    text = rendered(pages(tmp_path)["ocpp-cli.1"]).replace("−", "-").replace("‐", "-")
    names = commands()
    assert len(names) > 50
    for command in names:
        entry = re.search(rf"^ +{command}(?: [^\n]*)?\n(?:(?!^       \S).*\n)*", text, re.M)
        assert entry or re.search(rf"^ +{command} ", text, re.M), command
        for option in re.findall(r"^  .{4}--([a-z0-9-]+)", run(CLI, *command.split(), "--help"), re.M):
            assert f"--{option}" in text, (command, option)


def test_each_setting_is_in_the_page(tmp_path):
    text = rendered(pages(tmp_path)["gateway.yaml.5"])
    for key in re.findall(r"^\| `([a-z_]+)` \|", run(BUILD / "ocpp-gateway", "--settings"), re.M):
        assert re.search(rf"^ +{key}(?: |$)", text, re.M), key


def test_each_option_of_the_other_programs_is_in_their_pages(tmp_path):
    made = pages(tmp_path)
    for program, page in (("ocpp-gateway", "ocpp-gateway.8"), ("ocpp-csms", "ocpp-csms.1"), ("ocpp-sim", "ocpp-sim.1")):
        text = rendered(made[page]).replace("−", "-").replace("‐", "-")
        for option in set(re.findall(r"--([a-z-]+)", run(BUILD / program, "--help"))) - {"help", "version"}:
            assert f"--{option}" in text, (program, option)
