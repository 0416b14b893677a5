"""`ocpp-cli profile`: what the engineer who adds a charger model does, from an empty directory to a profile that is tested."""
import json
import re
import subprocess

import pytest

from harness import BUILD, ROOT

CASES = """
device: { cp_state: 1, flags: 0, fault_code: 0, power: 0, energy: 1000, enable: 0, max_current: 32, tag: "" }
cases:
  - name: nobody is there
    expect: { state: available, energy_import: 1000, power_import: 0, id_token: none, fault: none }
  - name: registers as they stand in the manual
    device: { cp_state: 7, "input 120": [0x0001, 0x1170] }
    expect: { state: charging, power_import: 7000 }
  - name: an invalid power is none
    device: { cp_state: 7, "input 120": [0x7FFF, 0xFFFF] }
    expect: { state: charging, power_import: none }
  - name: a start
    device: { cp_state: 2 }
    command: start
    then: { cp_state: 7, power: 5000 }
    writes: [ { enable: 1 } ]
    expect: { state: charging }
  - name: a start that the device ignores
    device: { cp_state: 2 }
    command: start
    result: no effect
  - name: a limit is rounded down
    device: { cp_state: 2 }
    before: start
    command: { limit: 10.06 }
    writes: [ { max_current: 10 } ]
    expect: { limit_A: 10 }
  - name: a card
    device: { tag: 04A1B2C3 }
    expect: { id_token: 04A1B2C3 }
"""


@pytest.fixture
def cli(tmp_path):
    def run(*arguments):
        done = subprocess.run([str(BUILD / "ocpp-cli"), *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout, done.stderr
    return run


def profile(name):
    return ROOT / f"profiles/{name}.yaml"


def test_a_new_profile_says_what_is_still_to_be_filled_in(cli, tmp_path):
    for protocol in ("modbus", "echonet"):
        name = f"acme-{protocol}"
        assert cli("profile", "new", name, "--vendor", "Acme", "--model", "One", "--protocol", protocol)[0] == 0
        code, _, problems = cli("profile", "check", f"{name}.yaml")
        text = (tmp_path / f"{name}.yaml").read_text()
        assert code == 1
        wanted = {n for n, line in enumerate(text.splitlines(), 1)
                  if re.search(r"\b(ADDRESS|CODE|AMPERE|VALUE)\b", line) and not line.startswith("#")}
        assert {int(line.split(":")[1]) for line in problems.splitlines()} >= wanted


def test_a_filled_in_profile_is_good(cli, tmp_path):
    assert cli("profile", "new", "acme-one", "--vendor", "Acme", "--model", "One")[0] == 0
    text = (tmp_path / "acme-one.yaml").read_text().replace("AMPERE", "32").replace("WHAT", "stops")
    text = text.replace("# identify: { read: input ADDRESS, equals: VALUE }\n", "")
    numbers = iter(range(100, 2000, 10))
    text = re.sub("ADDRESS", lambda _: str(next(numbers)), text)
    values = iter(range(1, 20))
    text = re.sub("VALUE", lambda _: str(next(values)), text)
    (tmp_path / "acme-one.yaml").write_text(text)
    code, output, problems = cli("profile", "check", "acme-one.yaml")
    assert (code, problems) == (0, "") and "good: profile acme-one" in output


def test_nothing_is_overwritten_and_names_are_names(cli, tmp_path):
    assert cli("profile", "new", "one")[0] == 0
    (tmp_path / "one.yaml").write_text("mine")
    code, _, problem = cli("profile", "new", "one")
    assert code == 1 and "is there already" in problem and (tmp_path / "one.yaml").read_text() == "mine"
    for arguments in (("../one",), ("One",), ("a", "--protocol", "canbus"), ("b", "--model", 'x"y'), ("c", "--extends", "../keba-p30")):
        assert cli("profile", "new", *arguments)[0] == 2, arguments
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.yaml"]


def test_one_that_extends_another_is_good_at_once(cli):
    assert cli("profile", "new", "acme-two", "--extends", "keba-p30", "--model", "Two")[0] == 0
    code, output, problems = cli("profile", "check", "acme-two.yaml", "--profiles", ROOT / "profiles")
    assert (code, problems) == (0, "") and "good" in output
    code, output, _ = cli("profile", "diff", profile("keba-p30"), "acme-two.yaml", "--profiles", ROOT / "profiles")
    assert code == 0 and "~ models: " in output and "points" not in output


def test_cases_run_against_a_device_on_paper(cli, tmp_path):
    (tmp_path / "ac22.test.yaml").write_text(CASES)
    code, output, problems = cli("profile", "test", profile("demo-modbus-ac22"), "ac22.test.yaml")
    assert code == 0, (output, problems)
    assert "demo-modbus-ac22: 7 passed, 0 failed" in output


@pytest.mark.parametrize("old, new, message", [
    ("power_import: 7000", "power_import: 6999", 'ac22.test.yaml:8: cases[1].expect.power_import: expected 6999, is 7000'),
    ("state: available", "state: charging", 'cases[0].expect.state: expected "charging", is "available"'),
    ("writes: [ { enable: 1 } ]", "writes: []", "cases[3].writes: enable: 1 was written besides"),
    ("writes: [ { enable: 1 } ]", "writes: [ { enable: 0 } ]", "expected enable: 0 to be written; enable: 1 was"),
    ("    result: no effect\n", "", "cases[4].command: the command failed"),
    ("result: no effect", "result: done", "expected done, is no effect"),
    ("power_import: none", "power_import: 1", "expected 1, has no value"),
    ("limit_A: 10", "limit_A: 11", "expected 11, is 10"),
    ("cp_state: 7, power", "cp_sate: 7, power", '"cp_sate" is no point of demo-modbus-ac22'),
    ("fault: none", "faulty: none", '"faulty" is no signal'),
    ('"input 120": [0x0001, 0x1170]', '"input 120": [70000]', "is no whole number from 0 to 65535"),
    ("before: start", "before: begin", "before: "),
])
def test_what_is_not_as_it_should_be_is_told(cli, tmp_path, old, new, message):
    assert old in CASES
    (tmp_path / "ac22.test.yaml").write_text(CASES.replace(old, new, 1))
    code, output, problems = cli("profile", "test", profile("demo-modbus-ac22"), "ac22.test.yaml")
    assert code == 1 and message in problems, (output, problems)


def test_cases_for_echonet_lite_too(cli, tmp_path):
    (tmp_path / "e.yaml").write_text("""
cases:
  - { name: charges, device: { "epc 0x88": "42", "epc 0xC7": "41", "epc 0xDA": "42", "epc 0xD3": "00000BB8" }, expect: { state: charging, power_import: 3000 } }
  - { name: starts, device: { fault_status: 0x42, connection: 0x41, mode: 0x47 }, command: start, writes: [ { mode: 0x42 } ], expect: { state: charging } }
""")
    code, output, problems = cli("profile", "test", profile("echonet-02a1"), "e.yaml")
    assert code == 0, (output, problems)


def test_the_list_is_for_people_and_for_programs(cli):
    code, output, _ = cli("profile", "list", ROOT / "profiles")
    assert code == 0 and re.search(r"^keba-p30 +modbus +1 +status start/stop limit energy power card", output, re.MULTILINE)
    listed = {p["profile"]: p for p in json.loads(cli("--json", "profile", "list", ROOT / "profiles")[1])}
    keba = listed["keba-p30"]["evses"][0]
    assert keba["limit"]["min"] == 6 and keba["id_token"] and "energy_import" in keba["measures"]
    assert listed["demo-modbus-meter"]["kind"] == "meter" and listed["demo-modbus-meter"]["evses"] == []


def test_a_difference_is_shown_by_path(cli, tmp_path):
    text = profile("demo-modbus-ac22").read_text()
    (tmp_path / "other.yaml").write_text(text.replace("profile: demo-modbus-ac22", "profile: other").replace("scale: 0.1, unit: W", "scale: 1, unit: W", 1))
    code, output, _ = cli("profile", "diff", profile("demo-modbus-ac22"), "other.yaml")
    assert code == 0 and "~ points.power.scale: 0.1 -> 1" in output and "~ profile: demo-modbus-ac22 -> other" in output
    assert len(output.splitlines()) == 2
    assert json.loads(cli("--json", "profile", "diff", profile("demo-modbus-ac22"), "other.yaml")[1])[1]["to"] == "1"
    assert cli("profile", "diff", "other.yaml", "nowhere.yaml")[0] == 1


def test_the_manual_lists_the_chargers_that_there_are():
    done = subprocess.run(["/usr/bin/python3", str(ROOT / "tools/chargers.py"), "check", str(BUILD / "ocpp-cli")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_profile_of_the_library_is_good(cli):
    code, output, problems = cli("profile", "check", ROOT / "profiles")
    assert (code, problems) == (0, "") and output.count(": good: ") == len(list((ROOT / "profiles").glob("*.yaml")))
