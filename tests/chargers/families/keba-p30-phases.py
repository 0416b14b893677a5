"""KEBA P30 that switches its phases: the same map as keba-p30, at whose file the facts are told."""

FACTS = "keba-p30"
STATES = {"charge_point_state": {"available": 1, "connected": 1}}
NAMES = {"state": "charge_point_state", "cable": "cable_state", "rfid": "rfid_tag", "unlock": "unlock_plug",
         "phase_source": "phase_switch_source_setpoint", "phases_used": "phases_setpoint"}
