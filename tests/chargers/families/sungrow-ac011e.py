"""Sungrow AC011E."""

NAMES = {"state": "charge_point_state", "control": "session_control"}
