"""Kathrein KWB. `remote_control_enable must be written (0x8000) before setpoints`; setpoint 0 pauses, 65535 cancels the session. A card's text
`may start with prefix "RFID:"`."""


def set_current(o, raw):
    if o.memory.get("remote_control_enable") == 0x8000:
        o.setpoints_A["max_current_setpoint"] = 0 if raw == 0xFFFF else min(32, raw / 1000)


WRITE = {"max_current_setpoint": set_current}
READ = {"rfid_tag": lambda o: f"RFID:{o.tag}" if o.tag else ""}
