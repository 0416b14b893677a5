"""Alfen Eve: what the points are called."""

NAMES = {"state": "iec61851_state", "firmware": "firmware_version"}
