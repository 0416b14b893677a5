"""Alphatec: what the points are called."""

NAMES = {"iec_state": "iec61851_state"}
