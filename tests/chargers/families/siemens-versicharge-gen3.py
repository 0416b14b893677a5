"""Siemens VersiCharge Gen3. Notes of iec61851_state: `ASCII, high byte first; e.g. B1`."""

DIGITS = {"A": "1", "B": "1", "C": "2", "D": "2", "E": "0", "F": "0"}


def state(o):
    letter = o.state(o.facts.registers["iec61851_state"])
    return letter + ("2" if letter == "B" and o.released else DIGITS[letter])


READ = {"iec61851_state": state}
NAMES = {"iec_state": ("iec61851_state", "its letter alone"), "firmware": "firmware_version"}
