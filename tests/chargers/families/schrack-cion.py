"""Schrack i-CHARGE CION. status_bits: 0 cable plugged, 1 and 2 contactors, 5 lock, 6 collective fault."""

READ = {"status_bits": lambda o: o.plugged | o.flowing << 1 | o.flowing << 2 | o.locked << 5 | o.fault << 6}
NAMES = {"lock_control": "cable_lock_control", "ineffective": "enable_ineffective", "status": "status_bits", "offered": "current_offered",
         "cable_current": "cable_max_current", "rfid": "rfid_tag", "iec_state": "iec61851_state", "least_current": "hw_min_current",
         "firmware": "firmware_version"}
