"""Pracht Alpha. `total limit at 2 overrides connector limit`: the lower one counts here."""

NAMES = {"iec_state": "iec61851_state", "total": "max_current_total"}
