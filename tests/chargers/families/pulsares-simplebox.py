"""Pulsares SimpleBox. The state has 3 and 4 for charging only; vehicle_connected tells a car. Its watchdog stands at 60 s (enum 6)."""

STATES = {"charge_point_state": {s: 0 for s in ("available", "connected", "suspended_ev", "suspended_evse")}}
READ = {"watchdog_timeout": lambda o: 6}
NAMES = {"state": "charge_point_state", "vehicle": "vehicle_connected", "firmware": "firmware_version"}
