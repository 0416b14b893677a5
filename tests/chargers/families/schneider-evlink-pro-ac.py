"""Schneider EVlink Pro AC."""

NAMES = {"state": "iec61851_state"}
