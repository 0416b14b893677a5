"""One gateway, one CSMS and a simulated device for each profile, and all scenarios at once."""
import collections
import concurrent.futures
import subprocess
import time
import traceback

import facts as facts_of
from harness import BUILD, ROOT, Csms, Site, until
from scenario import Scenario
from server import Box, Wire


class IndexedCsms(Csms):
    """Keeps what it heard by station, too: with dozens of stations looking through everything takes too long."""

    def __init__(self, *arguments, **more):
        self.of_station = collections.defaultdict(list)
        super().__init__(*arguments, **more)

    async def on_call(self, station, socket_, frame):
        await super().on_call(station, socket_, frame)
        self.of_station[station].append((frame[2], frame[3]))

    def heard(self, station=None, action=None, **members):
        return [p for a, p in list(self.of_station[station])
                if (not action or a == action) and all(p.get(k) == v for k, v in members.items())]


class Outcome:
    """Of one profile: None, or what was expected and what came."""

    def __init__(self):
        self.error, self.seconds, self.notes = None, 0.0, []


class Yard:
    def __init__(self, profiles):
        self.outcomes = {name: Outcome() for name in profiles}
        self.site = Site(csms_class=IndexedCsms)
        self.site.general = "buses:\n"
        self.site.log_level = "info"
        self.wire = Wire()
        self.boxes = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.site.csms.problems = [p for p in self.site.csms.problems if p.split(":")[0] not in self.outcomes]   # told by their tests
        try:
            self.site.__exit__(kind, *_)
        finally:
            self.wire.stop()

    def install(self, name):
        """Puts the device of a profile on the site; False if the profile is not valid."""
        checked = subprocess.run([BUILD / "ocpp-cli", "check", ROOT / f"profiles/{name}.yaml"], capture_output=True, text=True, timeout=60)
        if checked.returncode != 0:
            self.outcomes[name].error = f"the profile is refused: {checked.stdout}{checked.stderr}"
            return
        box = self.boxes[name] = Box(name, facts_of.load(name))
        number = len(self.boxes)
        if box.facts.transport == "tcp":
            self.wire.listen(box, self.site.sim_address, 16000 + number)
            where = f"tcp: \"{self.site.sim_address}:{16000 + number}\""
        else:
            path = self.wire.line(box, box.facts.transport)
            self.site.general += f"  line{number}: {{ serial: {path}, framing: {box.facts.transport} }}\n"
            where = f"bus: line{number}"
        self.site.station(name, f"profile: {name}, {where}")

    def run(self):
        for name in self.outcomes:
            self.install(name)
        if self.site.general == "buses:\n":
            self.site.general = ""
        if self.boxes:
            self.site.start_gateway()
            until(lambda: self.site.csms.connections or not self.runs(), "the gateway to connect")
            with concurrent.futures.ThreadPoolExecutor(len(self.boxes)) as pool:
                list(pool.map(self.play, self.boxes))
        return self.outcomes

    def runs(self):
        return self.site.processes["gateway"].poll() is None

    def play(self, name):
        box, outcome = self.boxes[name], self.outcomes[name]
        start = time.monotonic()
        scenario = Scenario(name, box, self.wire, self.site)
        try:
            scenario.play()
        except Exception as error:  # told by the profile's own test
            place = traceback.extract_tb(error.__traceback__)[-1]
            what = str(error) if isinstance(error, AssertionError) else f"{error!r} at {place.filename}:{place.lineno}"
            outcome.error = f"{name}, {scenario.step}: {what}\n\n{self.picture(name, box, scenario)}"
        outcome.seconds, outcome.notes = time.monotonic() - start, scenario.notes

    def picture(self, name, box, scenario):
        """The device as it stood, and what was said last."""
        lines = [] if self.runs() else [f"THE GATEWAY HAS ENDED: {self.site.log('gateway')[-4000:]}"]
        lines += [f"wire: {box.violations[-5:]} watchdog trips {box.trips}"]
        for outlet in box.outlets[:2]:
            with outlet.lock:
                lines.append(f"outlet {outlet.index + 1}: {outlet.status} limit {outlet.limit_A:.2f} A, released {outlet.released}, "
                             f"current {outlet.current_A():.2f} A, energy {outlet.energy_Wh:.0f} Wh, setpoints {outlet.setpoints_A}, "
                             f"enabled {outlet.enabled}, commanded {outlet.commanded}, paused {outlet.paused}, "
                             f"authorised {outlet.authorised}, blocked {outlet.blocked}, failsafe {outlet.failsafe}")
                lines.append("written: " + ", ".join(f"{k}={v}" for k, v in outlet.memory.items()))
                shown = []
                for register in box.facts.registers.values():
                    try:
                        shown.append(f"{register.name}={outlet.read(register.name)}")
                    except Exception as error:  # a register of the picture must not hide the picture
                        shown.append(f"{register.name}: {error!r}")
                lines.append("registers: " + ", ".join(shown))
        lines.append("last frames:\n  " + "\n  ".join(list(box.frames)[-16:]))
        lines.append("CSMS heard last:\n  " + "\n  ".join(f"{a} {str(p)[:300]}" for a, p in self.site.csms.of_station[name][-8:]))
        log = [line for line in self.site.log("gateway").splitlines() if f"={name}" in line or f"{name}:" in line]
        lines.append("gateway's log:\n  " + "\n  ".join(log[-12:]))
        return "\n".join(lines)
