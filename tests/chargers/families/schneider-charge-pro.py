"""Schneider Charge Pro: as EVlink Pro AC, `reads only with FC04 and writes only with FC16`."""

FACTS = "schneider-evlink-pro-ac"
NAMES = {"state": "iec61851_state"}


def PATCH(data):
    data["function_codes"] = {"read": [4], "write": [16]}
    for register in data["registers"]:
        register.pop("write_fc", None)
