"""Sigenergy EVAC."""

NAMES = {"state": "iec61851_state", "control": "session_control"}
