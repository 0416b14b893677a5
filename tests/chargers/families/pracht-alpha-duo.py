"""Pracht Alpha with two outlets: stride 1; the total limit is one register of the box."""

FACTS = "pracht-alpha"
OUTLETS = 2
SHARED = ["max_current_total"]
WHY = "of outlet 1 or 2: the register or the one after it"
NAMES = {"total": "max_current_total", "max_current_1": "max_current_setpoint", "iec_state_1": "iec61851_state",
         "max_current_2": (None, WHY), "iec_state_2": (None, WHY)}
