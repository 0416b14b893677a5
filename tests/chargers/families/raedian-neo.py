"""Raedian Neo. Notes of iec61851_state: `state = (value >> 8) & 0x7F`."""

READ = {"iec61851_state": lambda o: o.state(o.facts.registers["iec61851_state"]) << 8}
NAMES = {"state": ("iec61851_state", "seven of its bits"), "energy": "energy_session", "control": "session_control"}
