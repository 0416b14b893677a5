"""Mennekes AMTRON 4You, 4Business. `firmware CLOSES the TCP connection when registers 730/740/741 are read`; power 0xFFFF is no limit."""


def CLOSES_ON(pdu):
    first, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
    return pdu[0] == 3 and any(first <= n < first + count for n in (730, 740, 741))


def set_power(o, raw):
    o.phases = 1 if raw <= 3725 else 3
    o.setpoints_A["max_power_setpoint"] = 32 if raw == 0xFFFF else min(32, raw / 230 / o.phases)


READ = {"max_power_setpoint": lambda o: o.memory.get("max_power_setpoint", 0xFFFF)}
WRITE = {"max_power_setpoint": set_power}
