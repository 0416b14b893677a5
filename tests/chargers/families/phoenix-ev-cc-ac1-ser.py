"""Phoenix Contact EV Charge Control Basic."""

NAMES = {"iec_state": "iec61851_state"}
