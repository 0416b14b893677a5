#!/usr/bin/python3
"""The site that the tests of the web UI look at: the real gateway with its pages, simulated chargers, and the test CSMS.

usage: site.py [new]

Prints one line of JSON when all of it stands, then answers each line of JSON on its standard input with one: {"ask": [NAME, ARGUMENT...]} with
{"answer": ...} or {"error": TEXT}. It ends everything when its input ends.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import harness  # noqa: E402 (the path comes first)
from charge_point_16 import ChargePoint  # noqa: E402

# A profile of the site's own, so that there is one that may be written.
OWN_PROFILE = "site-ac22"


class UiSite(harness.Site):
    """With five chargers; or, `is_new`, as it is when the gateway was just installed: a charger on the wall, no CSMS, no station."""

    def __init__(self, is_new):
        super().__init__()
        self.is_new = is_new
        self.management = harness.address()
        self.log_level = "debug"
        self.spare = f"{self.sim_address}:15030"
        # Profiles that come with the gateway cannot be written, as where it is installed: root, too, is bound to the modes of files.
        self.shipped = self.directory / "shipped"
        shutil.copytree(harness.ROOT / "profiles", self.shipped)
        for path in [*self.shipped.rglob("*"), self.shipped]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        if os.geteuid() == 0:
            self.prefix = ["setpriv", "--bounding-set=-dac_override"]
        self.site_profiles = self.directory / "own"
        self.site_profiles.mkdir()
        if not is_new:
            self.furnish()
        self.hang_up()

    def furnish(self):
        profile = (self.shipped / "demo-modbus-ac22.yaml").read_text()
        (self.site_profiles / "broken.yaml").write_text("profile: broken\nvendro: Nobody\n")  # a mistake of somebody
        profile = re.sub(r"(?m)^profile: .*$", f"profile: {OWN_PROFILE}", profile)
        profile = re.sub(r"connectors: \[ (.*) \]", r"connectors: [ \1, \1 ]", profile)  # one that has two
        (self.site_profiles / f"{OWN_PROFILE}.yaml").write_text(profile)
        for number, options in ((1, {}), (2, {"SampledDataCtrlr.TxUpdatedInterval": 2})):
            self.station(f"CS-TCP-{number}", self.tcp_charger(f"tcp{number}", 15020 + number), **options)
        self.station("CS-RTU-1", self.rtu_charger())
        self.station("CS-ECHO-1", self.echonet_charger())
        self.station("CS-OWN-1", self.tcp_charger("own1", 15025).replace("demo-modbus-ac22", OWN_PROFILE))

    def hang_up(self):
        """Chargers that are there, and that no station has yet."""
        self.tcp_charger("spare1", 15030)
        self.charge_point = None
        if self.is_new:
            return
        for unit in (7, 8):
            self.sim_options += ["--charger", f"name=spare-rtu{unit},map=rtu7,pty={self.directory}/spare-line,unit={unit}"]
        self.node = harness.address()
        self.sim_options += ["--charger", f"name=spare-echo,map=echonet-027e,address={self.node}"]
        self.charge_point_listen = f"{harness.address()}:8887"

    def __exit__(self, *why):
        try:
            if self.charge_point:
                self.charge_point.stop()
        finally:
            super().__exit__(*why)

    def config(self):
        text = super().config()
        if self.is_new:
            text = text[:text.index("csms:")] + "csms: {}\nstations: []\n"
        text = text.replace(f"\"{self.directory}:{harness.ROOT}/profiles\"", f"\"{self.site_profiles}:{self.shipped}\"")
        return f"management: {{ listen: \"{self.management}:8443\", tls: true }}\n{text}"

    def open(self):
        self.start()
        token = harness.until(lambda: re.search(r"setup token.*token=(\S+)", self.log("gateway")), "the setup token")[1]
        spares = {} if self.is_new else {"spareLine": os.path.realpath(self.directory / "spare-line"), "interface": self.echonet_address,
                                         "node": self.node, "listen16": self.charge_point_listen}
        return {**spares, "url": f"https://{self.management}:8443", "setupToken": token, "spare": self.spare, "directory": str(self.directory),
                "config": str(self.directory / "gateway.yaml"), "csms": f"ws://{self.csms.listen}:{self.csms.port}/ocpp"}

    # ---- what a test may ask ----

    def ask_sim(self, line):
        return self.ask(line)

    def ask_show(self, name):
        return self.show(name)

    def ask_call(self, station, action, payload):
        return self.csms.call(station, action, payload)

    def ask_heard(self, station, action):
        return self.csms.heard(station, action)

    def ask_csms(self, what):
        return {"close": self.csms.close, "open": self.csms.open}[what]()

    def ask_gateway(self, what):
        return {"stop": lambda: self.end("gateway"), "start": self.start_gateway}[what]()

    def ask_config(self):
        return (self.directory / "gateway.yaml").read_text()

    def ask_certificate(self):
        """A certificate and key for the web server, as an authority would make one."""
        harness.server_tls(self.directory, self.management)
        return {"cert": (self.directory / "server.pem").read_text(), "key": (self.directory / "server.key").read_text()}

    def ask_charge_point(self, url, password):
        """A charger that speaks OCPP 1.6 is set to this Central System, and switched on."""
        url, _, identity = url.rpartition("/")
        self.charge_point = ChargePoint(url, identity, password)
        self.charge_point.connect()

    def ask_problems(self):
        return self.csms.problems


def main():
    with UiSite("new" in sys.argv[1:]) as site:
        try:
            print(json.dumps(site.open()), flush=True)
        except AssertionError as problem:
            print(json.dumps({"error": f"{problem}\n{site.log('gateway')[-4000:]}\n{site.log('sim')[-2000:]}"}), flush=True)
            raise
        for line in sys.stdin:
            name, *arguments = json.loads(line)["ask"]
            try:
                answer = {"answer": getattr(site, f"ask_{name}")(*arguments)}
            except (AssertionError, OSError, KeyError, subprocess.CalledProcessError):
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
