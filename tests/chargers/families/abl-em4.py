"""ABL eM4: what the points are called."""

NAMES = {"state": "iec61851_state"}
