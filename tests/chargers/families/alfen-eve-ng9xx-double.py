"""Alfen Eve Double: the second socket is unit 2."""

FACTS = "alfen-eve-ng9xx"
NAMES = {"state": "iec61851_state", "firmware": "firmware_version"}
