"""A session of one charger from beginning to end, as a driver, an operator and a fault would have it. Expected values are the device model's."""
import time

import device

PATIENCE = 45                  # seconds: what dozens of devices on a busy machine may take for one step
QUIET = 2.0                    # seconds in which nothing may flow
SHOWS_S = 25                   # a start at a limit of 0 has failed by then, if it is one that fails

MEASURED = {                   # what a meter value is, of the outlet: measurand -> (registers that give it, value by phase or None)
    "Power.Active.Import": (("power_active", "power_output", "power_active_l1"), None),
    "Current.Import": (("current_l1",), lambda o, p: o.current_A(p)),
    "Voltage": (("voltage_l1",), lambda o, p: device.VOLTAGES[p]),
}
ENERGY = "Energy.Active.Import.Register"
ENERGY_REGISTERS = ("energy_total", "energy_session", "energy_session_16", "energy_total_l1", "energy_since_power_on")
FACTORS = {"kWh": 1000, "kW": 1000}


class Scenario:
    def __init__(self, name, box, wire, site):
        self.name, self.box, self.wire, self.site, self.csms = name, box, wire, site, site.csms
        self.facts, self.family, self.outlet = box.facts, box.family, box.outlets[0]
        self.step, self.notes = "start", []
        self.not_read = getattr(self.family, "NOT_READ", {})      # measurand or step -> why it cannot be

    # ---- help ----

    def until(self, condition, what, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"expected {what} within {seconds} s")

    def has(self, step):
        """Is this part of the family's scenario? What is left out, and why, stands in its file."""
        if step in getattr(self.family, "SKIP", {}):
            self.notes.append(f"{step}: {self.family.SKIP[step]}")
            return False
        return True

    def statuses(self, evse=1):
        return [p["connectorStatus"] for p in self.csms.heard(self.name, "StatusNotification") if p["evseId"] == evse]

    def until_status(self, *wanted, evse=1):
        def last():
            told = self.statuses(evse)
            return told and told[-1] in wanted
        try:
            self.until(last, "")
        except AssertionError:
            raise AssertionError(f"expected the status {' or '.join(wanted)}, but the CSMS heard {self.statuses(evse)[-6:]}") from None

    def until_flow(self, flows, what):
        self.until(lambda: (self.current() > 0) == flows, what)

    def current(self):
        with self.outlet.lock:
            self.outlet.advance()
            return self.outlet.current_A()

    def quiet(self, what, seconds=QUIET):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.current() == 0, f"{what}, but {self.current():.2f} A flow"
            time.sleep(0.05)

    def events(self):
        return self.csms.heard(self.name, "TransactionEvent")

    def charging_state(self):
        states = [e["transactionInfo"]["chargingState"] for e in self.events() if "chargingState" in e["transactionInfo"]]
        return states[-1] if states else None

    def until_charging_state(self, *wanted):
        try:
            self.until(lambda: self.charging_state() in wanted, "")
        except AssertionError:
            raise AssertionError(f"expected the chargingState {' or '.join(wanted)}, but the last one told is {self.charging_state()}") from None

    def call(self, action, payload, status="Accepted"):
        answer = self.csms.call(self.name, action, payload)
        assert isinstance(answer, dict) and answer.get("status") == status, f"{action} was answered {answer}"
        return answer

    # ---- the story ----

    def play(self):
        for step in (self.idle, self.plug, self.hold, self.authorise, self.rise, self.charge, self.meter, self.limit, self.pause, self.resume, self.phases,
                     self.break_down, self.stop, self.unlock, self.silence, self.unplug, self.other_outlet, self.manners):
            self.step = step.__name__.replace("_", " ")
            if self.has(step.__name__):
                step()

    def idle(self):
        self.until_status("Available")
        self.quiet("nothing may flow without a car")

    def plug(self):
        self.outlet.plug()
        self.until_status("Occupied")
        self.until_flow(False, "a device that charges unasked to be stopped")
        self.quiet("nothing may flow before anyone is authorised")
        # Where a limit is all there is, a box may begin at its own limit; then it is stopped as soon as it is seen.
        bearable = 0 if self.facts.has("charging_enable", "session_control", "authorize_id_token") else 10
        assert self.outlet.unasked_s <= bearable, f"energy flowed for {self.outlet.unasked_s:.1f} s though nobody was authorised"

    def hold(self):
        """A load management that has nothing to give when the car comes."""
        if self.facts.has(*device.SETPOINTS):
            self.set_limit(0, "TxDefaultProfile")

    def authorise(self):
        self.outlet.allowed = True
        if self.facts.has("rfid_tag") and self.has("card"):
            self.outlet.tap()
            wanted = getattr(self.family, "TOKEN", device.TAG)
            token = self.until(lambda: self.csms.heard(self.name, "Authorize"), f"the card {wanted} to be told by Authorize")[0]["idToken"]
            assert token["idToken"].upper() == wanted, f"the card is {wanted}, the CSMS heard {token}"
        else:
            self.call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 7, "idToken": {"idToken": "operator", "type": "Central"}})

    def rise(self):
        """The session has begun and waits, longer than a start may take to show its effect; then there is something to give."""
        if not self.facts.has(*device.SETPOINTS):
            return
        self.until_charging_state("SuspendedEVSE")
        self.quiet("0 A are allowed", SHOWS_S if "write 0" in str(self.facts.behaviours.get("pause", "")) else QUIET)
        assert not self.csms.heard(self.name, "TransactionEvent", eventType="Ended"), "a session that began at 0 A was ended"
        self.call("ClearChargingProfile", {"chargingProfileId": 2})

    def charge(self):
        self.until_flow(True, "the device to charge")
        self.until_charging_state("Charging")
        events = self.events()
        assert events[0]["eventType"] == "Started", f"the first TransactionEvent is {events[0]['eventType']}"
        self.transaction = events[0]["transactionInfo"]["transactionId"]

    def meter(self):
        for measurand, (registers, by_phase) in MEASURED.items():
            if self.facts.has(*registers) and measurand not in self.not_read:
                self.until_measured(measurand, by_phase)

    def until_measured(self, measurand, by_phase):
        wrong = []

        def right():
            wrong[:] = self.compare(measurand, by_phase)
            return not wrong
        try:
            self.until(right, "")
        except AssertionError:
            raise AssertionError(f"{measurand} as the CSMS has it is not the device's: {'; '.join(wrong)}") from None

    def samples(self, measurand):
        """Of the last event that has it: [(phase or None, value in Wh, W, A, V)]."""
        for event in reversed(self.events()):
            found = [(s.get("phase", "").removesuffix("-N"), s["value"] * 10 ** s.get("unitOfMeasure", {}).get("multiplier", 0)
                      * FACTORS.get(s.get("unitOfMeasure", {}).get("unit"), 1))
                     for m in event.get("meterValue", []) for s in m["sampledValue"] if s.get("measurand", ENERGY) == measurand]
            if found:
                return found
        return []

    def compare(self, measurand, by_phase):
        samples = self.samples(measurand)
        if not samples:
            return ["it is in no event"]
        wrong = []
        with self.outlet.lock:
            phases = [by_phase(self.outlet, p) for p in range(3)] if by_phase else []
            total = self.outlet.power_W
        for phase, value in samples:
            if phase:
                wanted = [phases[int(phase[1]) - 1]] if by_phase else None
            else:   # of all phases: the highest, the mean, or the first
                wanted = [max(phases), sum(phases) / 3, phases[0]] if by_phase else [total]
            if wanted is None:
                wanted = [self.outlet.current_A(int(phase[1]) - 1) * device.VOLTAGES[int(phase[1]) - 1]]
            if not any(abs(value - w) <= self.tolerance(measurand, w) for w in wanted):
                wrong.append(f"{phase or 'all'} {value:g} instead of {wanted[0]:g}")
        return wrong

    def tolerance(self, measurand, value):
        names = MEASURED[measurand][0] if measurand in MEASURED else ENERGY_REGISTERS
        steps = [self.facts.registers[n].resolution for n in names if n in self.facts.registers]
        own = getattr(self.family, "TOLERANCE", {}).get(measurand, 0)
        summed = measurand == "Power.Active.Import" and not self.facts.has("power_active", "power_output")
        return max(steps + [own]) * (3 if summed else 1) + 0.011 + 1e-5 * abs(value)

    def set_limit(self, limit, purpose="TxProfile", **more):
        """Of the transaction; or, by another purpose, of all to come."""
        of = {"id": 1, "transactionId": self.transaction} if purpose == "TxProfile" else {"id": 2}
        profile = {**of, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": "Absolute",
                   "chargingSchedule": [{"id": 1, "startSchedule": "2026-01-01T00:00:00Z", "chargingRateUnit": "A",
                                         "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit, **more}]}]}
        self.call("SetChargingProfile", {"evseId": 1, "chargingProfile": profile})

    def limit(self):
        self.set_limit(10)
        try:
            self.until(lambda: 9 < self.outlet.limit_A <= 10.0001 and self.current() > 0, "")
        except AssertionError:
            raise AssertionError(f"10 A were asked for, but the device is at {self.outlet.limit_A:.3f} A "
                                 f"and {self.current():.2f} A flow") from None
        self.meter()

    def pause(self):
        self.set_limit(0)
        self.until_flow(False, "the device to pause at 0 A")
        self.until_charging_state("SuspendedEVSE")
        self.quiet("0 A are allowed")
        if self.facts.has(*ENERGY_REGISTERS) and ENERGY not in self.not_read:
            self.until_energy()
        self.set_limit(self.outlet.min_A - 1)     # less than any current it can hold: still a pause
        end = time.monotonic() + QUIET
        while time.monotonic() < end:
            assert self.current() <= self.outlet.min_A - 1, f"{self.outlet.min_A - 1} A are allowed, {self.current():.2f} A flow"
            time.sleep(0.05)

    def energy(self):
        """What the device's register shows, in Wh."""
        if hasattr(self.family, "ENERGY_WH"):
            return self.family.ENERGY_WH(self.outlet)
        name = next(n for n in ENERGY_REGISTERS if n in self.facts.registers)
        register = self.facts.registers[name]
        return register.value(register.decode(register.encode(self.outlet.read(name)))) * (3 if name == "energy_total_l1" else 1)

    def until_energy(self):
        def last():
            samples = self.samples(ENERGY)
            return samples[-1][1] if samples else None
        try:
            self.until(lambda: last() is not None and abs(last() - self.energy()) <= self.tolerance(ENERGY, self.energy()), "")
        except AssertionError:
            raise AssertionError(f"the meter shows {self.energy():g} Wh, the CSMS has {last()}") from None

    def resume(self):
        self.call("ClearChargingProfile", {"chargingProfileId": 1})
        self.until_flow(True, "the device to charge again when the limit is gone")
        self.until_charging_state("Charging")

    def variable(self, component, variable):
        wanted = {"component": {"name": component}, "variable": {"name": variable}}
        return self.csms.call(self.name, "GetVariables", {"getVariableData": [wanted]})["getVariableResult"][0].get("attributeValue")

    def phases(self):
        """Where the station says that it can: to one phase, and back where the device may be switched again so soon."""
        if self.variable("SmartChargingCtrlr", "Phases3to1") != "true":
            return
        self.notes.append("switches phases")
        for phases in (1, 3) if "phase_switch_min_interval_s" not in self.facts.behaviours else (1,):
            self.set_limit(10, numberPhases=phases)
            self.until(lambda p=phases: self.outlet.phases == p and self.current() > 0 and self.outlet.limit_A <= 10.0001,
                       f"the device to charge on {phases} phases with 10 A; it is at {self.outlet.phases} phases", 90)
        self.call("ClearChargingProfile", {"chargingProfileId": 1})
        self.until_flow(True, "the device to charge when the limit is gone")

    def stop(self):
        if not self.csms.heard(self.name, "TransactionEvent", eventType="Ended"):
            self.call("RequestStopTransaction", {"transactionId": self.transaction})
        self.until_flow(False, "the device to stop")
        self.outlet.allowed, self.outlet.unasked_s = False, 0.0
        ended = self.until(lambda: self.csms.heard(self.name, "TransactionEvent", eventType="Ended"), "a TransactionEvent Ended")[0]
        assert [e["seqNo"] for e in self.events()] == list(range(len(self.events()))), "seqNo has gaps"
        if self.facts.has(*ENERGY_REGISTERS) and ENERGY not in self.not_read:
            samples = self.samples(ENERGY)
            assert any(m for m in ended.get("meterValue", [])), "the Ended event has no register"
            assert abs(samples[-1][1] - self.energy()) <= self.tolerance(ENERGY, self.energy()), \
                f"meterStop is {samples[-1][1]:g} Wh, the device's register {self.energy():g} Wh"
        self.quiet("the session is over")

    def unlock(self):
        """Where the device has a register for it."""
        if not self.facts.has("unlock_plug", "cable_lock_control"):
            return
        self.outlet.locked = True
        answer = self.csms.call(self.name, "UnlockConnector", {"evseId": 1, "connectorId": 1})
        assert answer == {"status": "Unlocked"}, f"UnlockConnector was answered {answer}"
        assert not self.outlet.locked, "it was answered Unlocked, but the device holds the plug"

    def can_break(self):
        states = any(e.get("connector_status") == "Faulted" for n in device.STATE_REGISTERS if n in self.facts.registers
                     for e in self.facts.registers[n].states.values())
        return states or self.facts.has("error_code")

    def break_down(self):
        """In the middle of charging. Whether the transaction outlives it is the station's affair; energy must stop and the CSMS know."""
        if not self.can_break():
            self.notes.append("the facts have no fault")
            return
        self.outlet.break_down()
        self.until_status("Faulted")
        self.quiet("the device has a fault")
        self.outlet.break_down(False)
        self.until_status("Occupied")

    def silence(self):
        self.wire.leave(self.box)
        self.until_status("Unavailable")
        self.wire.come_back(self.box)
        self.until_status("Occupied")
        self.until_flow(False, "a device that forgot its limit to be stopped")
        self.quiet("nobody is authorised after the loss")

    def unplug(self):
        self.outlet.unplug()
        self.until_status("Available")

    def other_outlet(self):
        """Where the profile has several EVSEs the second is its own: a car there changes nothing at the first."""
        if len(self.box.outlets) < 2 or not self.statuses(2):
            return
        self.box.outlets[1].plug()
        self.until_status("Occupied", evse=2)
        assert self.statuses(1)[-1] == "Available", f"EVSE 1 became {self.statuses(1)[-1]} by a car at EVSE 2"
        self.box.outlets[1].unplug()
        self.until_status("Available", evse=2)

    def manners(self):
        """What the wire cannot refuse: the pauses the device asks for, and its watchdog; and that it was lost only when it was away."""
        told = self.statuses()[self.statuses().index("Available"):]
        assert told.count("Unavailable") <= 1, f"it was Unavailable though it was there: the CSMS heard {told}"
        assert not self.box.violations, f"the device was not treated as its facts ask for: {self.box.violations[:5]}"
        assert self.box.trips == 0, f"its watchdog ran out {self.box.trips} times while it charged"
        problems = [p for p in self.csms.problems if p.startswith(f"{self.name}:")]
        assert not problems, problems
