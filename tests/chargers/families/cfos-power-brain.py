"""cFos Power Brain. Notes of iec61851_state: `low byte`."""

READ = {"iec61851_state": lambda o: 0x0100 | o.state(o.facts.registers["iec61851_state"])}
NAMES = {"iec_state": "iec61851_state", "rfid": "rfid_tag"}
