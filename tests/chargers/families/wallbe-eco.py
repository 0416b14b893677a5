"""Wallbe Eco: the controller of phoenix-ev-cc-ac1-eth with Wallbe's firmware. Setpoint in 0.1 A (`value read back >= 60`), counters of their own."""

FACTS = "phoenix-ev-cc-ac1-eth"
NAMES = {"iec_state": "iec61851_state", "firmware": "firmware_version", "rfid": "rfid_tag", "offered": "current_offered"}


def PATCH(data):
    registers = {r["name"]: r for r in data["registers"]}
    registers["max_current_setpoint"]["scale"] = 0.1
    for name in ("energy_total", "energy_session"):
        data["registers"].remove(registers[name])
        registers[name + "_wallbe"]["name"] = name
