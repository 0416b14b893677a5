"""ABL eM4 Twin: two outlets, 256 registers apart."""

FACTS = "abl-em4"
NAMES = {"state": "iec61851_state"}
