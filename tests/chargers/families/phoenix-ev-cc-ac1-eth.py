"""Phoenix Contact EV Charge Control Advanced (and Wallbe). The current is in 1 A on OEM firmware, in 0.1 A on Wallbe's; `meter present if voltage
L1 > 0`."""

NAMES = {"iec_state": "iec61851_state", "firmware": "firmware_version", "rfid": "rfid_tag"}
