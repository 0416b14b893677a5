"""The physical charger: a contactor, a car, a meter, a card reader. Registers are views on it, by their semantic name.

It knows the facts, never a profile. Time runs `SPEED` times faster for the energy meter only, so that a session of
seconds shows in a register of 0.1 kWh; watchdogs and delays run in real time.
"""
import re
import time

SPEED = 60                     # of the energy meter
VOLTAGES = (230.0, 231.0, 229.0)
LESS_A = (0.0, 0.2, 0.4)       # what the car draws less on L2 and L3: phases that are mixed up show
CAR_A, HARDWARE_A = 32, 32
CONTACTOR_S = 0.4              # from release to energy
TAG = "04A1B2C3"
SHOWN_S = 60                   # how long a card stays readable, if nothing clears it

AVAILABLE, CONNECTED, CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, ENDED, FAULTED, UNAVAILABLE = (
    "available", "connected", "charging", "suspended_ev", "suspended_evse", "ended", "faulted", "unavailable")

# How a state is looked up in a state_map: what comes first counts. (member of the entry, its value), or the enum's text.
LOOKUP = {
    AVAILABLE: [("connector_status", "Available")],
    CONNECTED: [("iec", "B1"), ("charging_state", "EVConnected"), ("iec", "B"), ("charging_state", "SuspendedEVSE"), ("iec", "B2")],
    CHARGING: [("charging_state", "Charging")],
    SUSPENDED_EV: [("charging_state", "SuspendedEV"), ("iec", "B2"), ("charging_state", "EVConnected"), ("iec", "B")],
    SUSPENDED_EVSE: [("iec", "B1"), ("charging_state", "SuspendedEVSE"), ("charging_state", "EVConnected"), ("iec", "B"), ("iec", "B2")],
    ENDED: [("text", r"finish|\bended|complet|terminated|stopped"), ("iec", "B1"), ("charging_state", "EVConnected"),
            ("charging_state", "SuspendedEVSE"), ("iec", "B"), ("iec", "B2")],
    FAULTED: [("connector_status", "Faulted")],
    UNAVAILABLE: [("connector_status", "Unavailable")],
}
# Not the state that a plain B is, though it is mapped to one.
ODD = re.compile(r"finish|\bended|complet|terminated|stopped|failed|OCPP 1.5|phase|wake|schedul|end of|unknown|temperature", re.I)
STATE_REGISTERS = ("charge_point_state", "iec61851_state", "iec61851_state_text", "charger_state_native", "connector_state")
SETPOINTS = ("max_current_setpoint", "max_current_setpoint_l1", "max_current_setpoint_l2", "max_current_setpoint_l3",
             "max_current_setpoint_fine", "max_current_total", "max_power_setpoint")


class FactError(Exception):
    """What the facts leave open and families/NAME.py does not say either."""


class Outlet:
    """One outlet with its car. Public fields are what a test sets and sees; every access goes through `lock`."""

    def __init__(self, facts, box, index):
        self.facts, self.family, self.box, self.index = facts, facts.family, box, index
        self.lock = box.lock
        self.phases_built = getattr(self.family, "PHASES", 3)
        self.min_A = facts.behaviours.get("min_current_a", 6)
        self.energy_Wh = 1234567.0 + 1000 * index
        self.session_start_Wh, self.unasked_s = self.energy_Wh, 0.0
        self.plugged = self.wants = self.fault = self.allowed = False
        self.tag, self.tag_at, self.plug_at = "", 0.0, 0.0
        self.events = []          # what was pressed: ("reset", raw) ...
        self.at = time.monotonic()
        self.power_on()

    def power_on(self):
        """As after a loss of power: what is not stored is forgotten."""
        flash = self.facts.behaviours.get("persistent_write_registers", [])
        # register name -> raw, as last written
        self.memory = {n: raw for n, raw in getattr(self, "memory", {}).items() if self.facts.registers[n].address in flash}
        self.setpoints_A = {}
        self.enabled = getattr(self.family, "ENABLED_AT_POWER_ON", False)
        self.commanded, self.paused, self.blocked, self.operative = False, False, False, True
        self.authorised = getattr(self.family, "AUTHORISED", not self.facts.has("authorize_id_token"))
        self.phases = self.phases_built
        self.session = self.locked = False
        self.released_at = None
        self.failsafe = False
        self.heartbeat_at = None
        for name in SETPOINTS:
            if name in self.facts.registers:
                self.setpoints_A[name] = HARDWARE_A
        if hasattr(self.family, "POWER_ON"):
            self.family.POWER_ON(self)

    # ---- what a test does ----

    def plug(self):
        with self.lock:
            self.advance()
            self.plugged = self.wants = True
            self.plug_at, self.session_start_Wh = time.monotonic(), self.energy_Wh

    def unplug(self):
        with self.lock:
            self.advance()
            self.plugged = self.wants = self.session = self.commanded = self.paused = self.locked = False
            self.tag = ""
            self.authorised = getattr(self.family, "AUTHORISED", not self.facts.has("authorize_id_token"))

    def tap(self, tag=TAG):
        with self.lock:
            self.advance()
            self.tag, self.tag_at = tag, time.monotonic()
            if self.facts.has("authorize_id_token") and not hasattr(self.family, "AUTHORISED"):
                self.authorised = not self.authorised

    def break_down(self, fault=True):
        with self.lock:
            self.advance()
            self.fault = fault

    # ---- physics ----

    @property
    def started(self):
        """Released by command or flag, where there are such."""
        if hasattr(self.family, "STARTED"):
            return self.family.STARTED(self)
        if self.facts.has("charging_enable") and not self.enabled:
            return False
        return self.commanded or not self.facts.has("session_control") or getattr(self.family, "RUNS_WITHOUT_COMMAND", False)

    @property
    def limit_A(self):
        limit = min([HARDWARE_A, *self.setpoints_A.values()])
        if self.failsafe and self.facts.has("failsafe_current"):
            register = self.facts.registers["failsafe_current"]
            limit = min(limit, register.value(self.memory.get("failsafe_current", 0)))
        elif self.failsafe:
            limit = 0
        return limit

    @property
    def released(self):
        return (self.authorised and self.started and not self.paused and not self.blocked and self.operative
                and self.limit_A >= self.min_A - 1e-6)

    @property
    def flowing(self):
        return self.released_at is not None and time.monotonic() - self.released_at >= CONTACTOR_S

    def advance(self):
        """Brings meter and contactor to now. Called with the lock held, before and after anything changes."""
        now = time.monotonic()
        power = self.power_W
        if power > 0:
            self.energy_Wh += power * (now - self.at) * SPEED / 3600
            if not self.allowed:
                self.unasked_s += now - self.at
        self.at = now
        ready = self.plugged and self.wants and not self.fault and self.released
        if not ready:
            self.released_at = None
        elif self.released_at is None:
            self.released_at = now
        if self.flowing:
            self.session = self.locked = True
        if self.tag and now - self.tag_at > SHOWN_S:
            self.tag = ""

    def current_A(self, phase=0):
        if not self.flowing or phase >= self.phases:
            return 0.0
        return max(0.0, min(CAR_A, self.limit_A) - LESS_A[phase])

    @property
    def power_W(self):
        return sum(VOLTAGES[p] * self.current_A(p) for p in range(3))

    @property
    def status(self):
        if self.fault:
            return FAULTED
        if not self.operative:
            return UNAVAILABLE
        if not self.plugged:
            return AVAILABLE
        if self.flowing:
            return CHARGING
        if self.released:
            return SUSPENDED_EV
        if not self.session:
            return CONNECTED
        return SUSPENDED_EVSE if self.started else ENDED

    # ---- registers: read ----

    def read(self, name):
        """The raw value of a register now."""
        with self.lock:
            self.advance()
            register = self.facts.registers[name]
            if name in getattr(self.family, "READ", {}):
                return self.family.READ[name](self)
            if name in STATE_REGISTERS and register.states:
                return self.state(register)
            reader = READERS.get(name)
            if reader is not None and not (name in self.memory and name in SETPOINTS):
                value = reader(self, register)
                return value if isinstance(value, str) or getattr(reader, "is_raw", False) else register.raw(value)
            if name in self.memory:
                return self.memory[name]
            return register.invalid[0] if register.invalid else 0

    def state(self, register):
        """The raw value of a state register, from its state_map backwards."""
        status = self.status
        own = getattr(self.family, "STATES", {}).get(register.name, {})
        if status in own:
            return own[status]
        for key, wanted in LOOKUP[status]:
            for odd in (False, True):
                for raw, entry in register.states.items():
                    text = register.enum.get(raw, "")
                    if bool(ODD.search(text)) == odd and (
                            re.search(wanted, text, re.I) if key == "text" else entry.get(key) == wanted):
                        return raw
        if status in (FAULTED, UNAVAILABLE, ENDED):   # it has no such state: shows what it would without
            return own.get(CONNECTED if self.plugged else AVAILABLE, self._plain(register))
        if 0 not in register.states:
            return 0
        raise FactError(f"{register.name} has no value for {status!r}: say STATES in families/*.py")

    def _plain(self, register):
        keys = LOOKUP[CONNECTED if self.plugged else AVAILABLE]
        return next((raw for key, wanted in keys for raw, entry in register.states.items() if entry.get(key) == wanted), 0)

    # ---- registers: write ----

    def write(self, name, raw):
        with self.lock:
            self.advance()
            register = self.facts.registers[name]
            self.memory[name] = raw
            if name in getattr(self.family, "WRITE", {}):
                self.family.WRITE[name](self, raw)
            elif name in WRITERS:
                WRITERS[name](self, register, raw)
            self.advance()


# ---- what registers of a name show, in the model's units (or raw, where marked) ----

def raw_reader(function):
    function.is_raw = True
    return function


@raw_reader
def phases_active(o, register):
    count = o.phases if o.flowing or register.by_text("off|switching") is None else 0
    if register.bits:
        return (1 << count) - 1
    if count == 0:
        return register.by_text("off|switching")
    found = register.by_text(r"^(1-phase|L1|1)\b" if count == 1 else r"^(3-phase|all|3)\b")
    return count if found is None else found


@raw_reader
def phases_available(o, register):
    found = register.by_text(r"^(1-phase|1)$" if o.phases_built == 1 else r"^(3-phase|3)$")
    return o.phases_built if found is None else found


@raw_reader
def phases_setpoint(o, register):
    if register.name in o.memory:
        return o.memory[register.name]
    if register.bits or not register.enum:
        return 7 if register.bits else o.phases
    return next(raw for raw in register.enum if (one_phase(register, raw)) == (o.phases_built == 1))


def one_phase(register, raw):
    """Does this setpoint mean one phase? By its text, its bits, or the number itself."""
    return bool(re.search(r"\b1\b", register.enum[raw])) if raw in register.enum else raw == 1


@raw_reader
def cable_state(o, register):
    if not register.enum:
        return int(o.plugged)
    if not o.plugged:
        return register.by_text(r"no cable|not connected")
    locked = register.by_text(r"EV.*\blocked", but="unlocked|no EV") if o.locked else None
    return register.by_text(r"\bEV\b", but=r"\blocked|no EV") if locked is None else locked


@raw_reader
def cable_lock(o, register):
    found = register.by_text(r"^locked" if o.locked else r"^unlocked")
    return int(o.locked) if found is None else found


@raw_reader
def error_code(o, register):
    if not o.fault:
        return 0
    if register.bits:
        return 1 << min(int(b) for b in register.bits)
    return next((raw for raw in register.enum if isinstance(raw, int) and raw > 0), 1)


@raw_reader
def rfid_tag(o, register):
    if register.type in ("string", "utf16be"):
        return o.tag
    if register.type == "bytes":
        return o.tag or 0
    return int(o.tag, 16) if o.tag else 0


@raw_reader
def heartbeat(o, register):
    """`the charger clears it`, a second after it was written."""
    if "clear" in register.notes and o.heartbeat_at and time.monotonic() - o.heartbeat_at > 1:
        return 0
    return o.memory.get("heartbeat", 0)


@raw_reader
def state_text(o, register):
    plain = o.facts.registers["iec61851_state"]
    return plain.enum[o.state(plain)]


def text(words):
    """Of identities: as the register has it, text, hex digits or a number."""
    return raw_reader(lambda o, register: words.encode().hex() if register.type == "bytes" else words if register.is_text else 1)


def setpoint(o, register):
    return o.setpoints_A[register.name]


def per_phase(function):
    """Readers of L1, L2 and L3."""
    return [lambda o, register, p=p: function(o, p) for p in range(3)]


READERS = {
    "energy_total": lambda o, r: o.energy_Wh,
    "energy_session": lambda o, r: o.energy_Wh - o.session_start_Wh,
    "energy_session_16": lambda o, r: o.energy_Wh - o.session_start_Wh,
    "energy_since_power_on": lambda o, r: o.energy_Wh - 1234567.0,
    "power_active": lambda o, r: o.power_W,
    "power_output": lambda o, r: o.power_W,
    "current_offered": lambda o, r: o.limit_A if o.released else 0,
    "pwm_current": lambda o, r: o.limit_A if o.released else 0,
    "power_offered": lambda o, r: o.limit_A * 230 * o.phases if o.released else 0,
    "current_dc": lambda o, r: o.power_W / 400,
    "voltage_dc": lambda o, r: 400 if o.flowing else 0,
    "voltage_grid": lambda o, r: VOLTAGES[0],
    "current_sum": lambda o, r: sum(o.current_A(p) for p in range(3)),
    "current_avg": lambda o, r: sum(o.current_A(p) for p in range(3)) / 3,
    "frequency": lambda o, r: 50.0,
    "power_factor": lambda o, r: 100 if r.unit == "%" else 1,
    "temperature": lambda o, r: 31.0,
    "soc": lambda o, r: 40 if o.plugged else 0,
    "hw_max_current": lambda o, r: HARDWARE_A,
    "evse_max_current": lambda o, r: HARDWARE_A,
    "station_max_current": lambda o, r: HARDWARE_A,
    "cable_max_current": lambda o, r: HARDWARE_A if o.plugged else 0,
    "ev_max_current": lambda o, r: CAR_A if o.plugged else 0,
    "hw_min_current": lambda o, r: o.min_A,
    "hw_max_power": lambda o, r: 22080,
    "session_duration": lambda o, r: time.monotonic() - o.plug_at if o.plugged else 0,
    "session_duration_16": lambda o, r: time.monotonic() - o.plug_at if o.plugged else 0,
    "plugged_duration": lambda o, r: time.monotonic() - o.plug_at if o.plugged else 0,
    "uptime": lambda o, r: 3600,
    "max_current_setpoint_readback": lambda o, r: o.setpoints_A["max_current_setpoint"],
    "failsafe_current_readback": lambda o, r: o.facts.registers["failsafe_current"].value(o.memory.get("failsafe_current", 0)),
    "watchdog_timeout_readback": lambda o, r: o.facts.registers["watchdog_timeout"].value(o.memory.get("watchdog_timeout", 0)),
    "max_power_setpoint": lambda o, r: setpoint(o, r) * 230 * o.phases,
    "phases_active": phases_active,
    "phases_available": phases_available,
    "cable_state": cable_state,
    "cable_lock": cable_lock,
    "socket_lock_output": cable_lock,
    "error_code": error_code,
    "rfid_tag": rfid_tag,
    "rfid_present": raw_reader(lambda o, r: int(bool(o.tag))),
    "heartbeat": heartbeat,
    "iec61851_state_text": state_text,
    "vehicle_connected": raw_reader(lambda o, r: int(o.plugged)),
    "charging_active": raw_reader(lambda o, r: int(o.flowing)),
    "contactor": raw_reader(lambda o, r: int(o.flowing)),
    "relay_state": raw_reader(lambda o, r: int(o.flowing)),
    "charging_allowed": raw_reader(lambda o, r: int(o.released)),
    "charging_enable": raw_reader(lambda o, r: o.memory.get(r.name, level(r, o.enabled))),
    "availability": raw_reader(lambda o, r: o.memory.get(r.name, 1)),
    "remote_lock": raw_reader(lambda o, r: o.memory.get(r.name, lock_level(r, False))),
    "external_lock": raw_reader(lambda o, r: lock_level(r, False)),
    "phases_setpoint": phases_setpoint,
    "session_control": raw_reader(lambda o, r: 0 if "reads 0" in r.notes else o.memory.get(r.name, 0)),
    "phase_switch_capable": raw_reader(lambda o, r: 1),
    "setpoint_accepted": raw_reader(lambda o, r: 1),
    "evse_state": raw_reader(lambda o, r: 1),
    "connector_count": raw_reader(lambda o, r: 1),
    "model": text("Model 1"),
    "vendor_name": text("Vendor"),
    "serial_number": text("12345678"),
    "firmware_version": text("9.9.9"),
    "software_version": text("090909"),
    "hardware_version": text("1.0"),
    "protocol_version": text("9.9"),
    "station_name": text("Station"),
    "station_id": text("STATION-1"),
    **{f"energy_total_l{p}": lambda o, r: o.energy_Wh / 3 for p in (1, 2, 3)},
    **{f"current_l{p + 1}": f for p, f in enumerate(per_phase(lambda o, p: o.current_A(p)))},
    **{f"voltage_l{p + 1}": f for p, f in enumerate(per_phase(lambda o, p: VOLTAGES[p] if p < o.phases_built else 0))},
    **{f"power_active_l{p + 1}": f for p, f in enumerate(per_phase(lambda o, p: o.current_A(p) * VOLTAGES[p]))},
    **{name: setpoint for name in SETPOINTS if name != "max_power_setpoint"},
}


# ---- what writes to registers of a name do ----

OFF = re.compile(r"^(off|stop|disabled|not |no$|state C disabled)", re.I)


def level(register, on):
    """The raw value of a flag that is on, or off: by its texts, else 1 and 0."""
    for raw, text_ in register.enum.items():
        if bool(OFF.search(text_)) != on:
            return raw
    return int(on)


def lock_level(register, locked):
    found = register.by_text(r"^locked" if locked else r"^(unlocked|not locked)")
    return int(locked) if found is None else found


def write_enable(o, register, raw):
    o.enabled = not OFF.search(register.enum[raw]) if raw in register.enum else bool(raw)


def write_session_control(o, register, raw):
    word = register.enum.get(raw, "none").split()[0].rstrip(",")
    if word == "start":
        o.commanded, o.paused = True, False
    elif word in ("stop", "terminate", "cancel"):
        o.commanded = False
    elif word in ("pause", "continue"):
        o.paused = word == "pause"


def write_current(o, register, raw):
    o.setpoints_A[register.name] = min(HARDWARE_A, register.value(raw))


def write_power(o, register, raw):
    o.setpoints_A[register.name] = min(HARDWARE_A, register.value(raw) / (230 * o.phases))


def write_phases(o, register, raw):
    phases = 1 if one_phase(register, raw) else o.phases_built
    if phases != o.phases and o.flowing and re.search("while disabled|^disable", str(o.facts.behaviours.get("phase_switch", ""))):
        o.box.violations.append("phases were switched while it charged; " + o.facts.behaviours["phase_switch"])
    o.phases = phases


def write_pause(o, register, raw):
    o.paused = bool(raw)


def write_remote_lock(o, register, raw):
    o.blocked = raw == lock_level(register, True)


def write_availability(o, register, raw):
    o.operative = bool(raw)


def write_token(o, register, raw):
    if raw:
        o.authorised = not o.authorised


def write_cable_lock(o, register, raw):
    o.locked = "unlock" not in register.enum.get(raw, "") and bool(raw)


def write_heartbeat(o, register, raw):
    o.heartbeat_at = time.monotonic()


def press(o, register, raw):
    o.events.append((register.name, raw))
    if register.name == "unlock_plug":
        o.locked = False


WRITERS = {
    "charging_enable": write_enable,
    "session_control": write_session_control,
    "max_power_setpoint": write_power,
    "phases_setpoint": write_phases,
    "charging_pause": write_pause,
    "suspend_charging": write_pause,
    "session_pause": write_pause,
    "remote_lock": write_remote_lock,
    "availability": write_availability,
    "authorize_id_token": write_token,
    "cable_lock_control": write_cable_lock,
    "heartbeat": write_heartbeat,
    "rfid_clear": lambda o, r, raw: setattr(o, "tag", "" if raw else o.tag),
    "reset": press,
    "reboot": press,
    "unlock_plug": press,
    **{name: write_current for name in SETPOINTS if name != "max_power_setpoint"},
}
