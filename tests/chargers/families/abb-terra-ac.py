"""ABB Terra AC. Notes of iec61851_state: `state = (value >> 8) & 0x7F`; quirk: `register pairs must be read/written together`."""

READ = {"iec61851_state": lambda o: o.state(o.facts.registers["iec61851_state"]) << 8}
WHOLE_REGISTERS = True
NAMES = {"state": "iec61851_state", "cable": "cable_state", "session": "session_control", "lock": "cable_lock_control",
         "firmware": "firmware_version"}
