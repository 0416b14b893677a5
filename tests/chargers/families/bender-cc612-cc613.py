"""Bender CC612, CC613, charging without authorisation of its own, as the profile asks for: then the limit alone counts (`0 pauses; default 32`)."""

AUTHORISED = True
WRITE = {"authorize_id_token": lambda o, raw: None}     # there is nothing to authorise
NAMES = {"cp_state": "charge_point_state", "iec_state": "iec61851_state", "firmware": "firmware_version",
         "operator_limit": "operator_current_limit", "rfid": "rfid_tag"}
