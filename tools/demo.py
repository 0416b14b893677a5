#!/usr/bin/env python3
"""The demo: ocpp-sim with four chargers, ocpp-csms, ocpp-gateway, and a script that plays the drivers and the operator.

usage: demo.py BUILD_DIRECTORY [--once]

All sockets are on loopback addresses of the demo's own; everything it starts ends with it.
"""
import argparse
import gzip
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
CSMS, SIM, ECHO_GATEWAY, ECHO_CHARGER = "127.0.61.1", "127.0.61.2", "127.0.61.10", "127.0.61.11"
CARD = "04A1B2C3D4E5F6"
PASSWORD = "demo-password-0123456789"
WEB = f"https://{ECHO_GATEWAY}:8443"

# name in the simulator, station, map, where it answers, started by, tolerance of its meter in Wh
CHARGERS = [
    ("tcp1", "CS-TCP-1", f"map=ac22,listen={SIM}:15021", "card", 2),
    ("tcp2", "CS-TCP-2", f"map=ac22,listen={SIM}:15022", "remote", 2),
    ("rtu1", "CS-RTU-1", "map=rtu7,pty={directory}/rtu", "card", 20),
    ("echo1", "CS-ECHO-1", f"map=echonet-02a1,address={ECHO_CHARGER}", "remote", 2),
]


class Line:
    """A Unix socket that takes a line and answers a line."""

    def __init__(self, path):
        self.path, self.lock = str(path), threading.Lock()
        self.file = None

    def ask(self, text):
        with self.lock:
            if not self.file:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(self.path)
                self.file = connection.makefile("rw")
            self.file.write(text + "\n")
            self.file.flush()
            return self.file.readline().strip()


class Demo:
    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.processes = []
        self.missing = []
        self.sim, self.csms = Line(directory / "sim.sock"), Line(directory / "csms.sock")

    # ---- processes ----

    def start(self, *command, log=None):
        output = open(self.directory / log, "w") if log else None
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.processes.append((command[0].name, process))
        return process

    def stop(self):
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for _, process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()

    def dead(self):
        return [name for name, process in self.processes if process.poll() is not None]

    def write_config(self):
        stations = []
        for name, station, where, _, _ in CHARGERS:
            if name.startswith("tcp"):
                charger = f"profile: demo-modbus-ac22, tcp: \"{where.split('listen=')[1]}\""
            elif name.startswith("rtu"):
                charger = "profile: demo-modbus-rtu, bus: line, unit: 7"
            else:
                charger = f"profile: echonet-02a1, echonet: {ECHO_CHARGER}"
            stations.append({"id": station, "csms": "demo", "password": PASSWORD, "charger": charger})
        text = f"""gateway: {{ state: {self.directory}/state, control: {self.directory}/gateway.sock, profiles: "profiles:{ROOT}/profiles" }}
management: {{ listen: "{ECHO_GATEWAY}:8443" }}
log: {{ level: info }}
csms:
  demo: {{ url: "ws://{CSMS}:8080/ocpp", security_profile: 1 }}
buses:
  line: {{ serial: {self.directory}/rtu, line: {{ baud: 9600, parity: even }} }}
echonet: {{ bind: {ECHO_GATEWAY}, multicast_interface: {ECHO_GATEWAY} }}
stations:
"""
        for s in stations:
            text += f"""  - id: {s['id']}
    csms: demo
    password: {s['password']}
    variables:
      SampledDataCtrlr.TxUpdatedInterval: 4
      SampledDataCtrlr.TxUpdatedMeasurands: "Energy.Active.Import.Register,Power.Active.Import"
    chargers: [{{ {s['charger']} }}]
"""
        (self.directory / "profiles").mkdir()
        (self.directory / "gateway.yaml").write_text(text)
        (self.directory / "tokens.yaml").write_text(
            f"tokens:\n  - {{ id: {CARD}, status: Accepted }}\n  - {{ id: operator, type: Central, status: Accepted }}\n"
            "passwords: { " + ", ".join(f"{s['id']}: {s['password']}" for s in stations) + " }\n")

    def launch(self):
        self.write_config()
        arguments = []
        for name, _, where, _, _ in CHARGERS:
            arguments += ["--charger", f"name={name}," + where.format(directory=self.directory)]
        self.start(self.build / "ocpp-sim", *arguments, "--control", self.directory / "sim.sock", "--speed", "20",
                   "--quiet", log="sim.log")
        self.start(self.build / "ocpp-csms", "--listen", f"{CSMS}:8080", "--tokens", self.directory / "tokens.yaml",
                   "--database", self.directory / "csms.db", "--socket", self.directory / "csms.sock", log="csms.log")
        self.expect_sockets("sim.sock", "csms.sock")
        self.start(self.build / "ocpp-gateway", "--config", self.directory / "gateway.yaml", log="gateway.log")
        self.expect_sockets("gateway.sock")
        self.start(self.build / "ocpp-cli", "--socket", self.directory / "gateway.sock", "watch")

    def expect_sockets(self, *names):
        """Or says what the one wrote that did not get so far (another demo may be running)."""
        if not self.until(lambda: all((self.directory / name).exists() for name in names), 10):
            written = "".join(path.read_text(errors="replace")[-1500:] for path in sorted(self.directory.glob("*.log")))
            raise OSError(f"{', '.join(self.dead()) or 'a program'} does not start:\n{written}")

    # ---- looking ----

    def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            if self.dead():
                return False
            time.sleep(0.1)
        return False

    def expect(self, what, condition, seconds):
        if not self.until(condition, seconds):
            self.missing.append(f"{what} (waited {seconds} s)")
            say(f"MISSING: {what}")
            return False
        return True

    def show(self, name):
        return json.loads(self.sim.ask(f"show {name}"))

    def stations(self):
        return {s["id"]: s for s in json.loads(self.csms.ask("stations"))["stations"]}

    def transactions(self):
        return json.loads(self.csms.ask("transactions"))["transactions"]

    def connector(self, station):
        return self.stations().get(station, {}).get("connectors", {}).get("1.1")

    def command(self, text):
        answer = json.loads(self.csms.ask(text))
        if answer.get("result", {}).get("status") != "Accepted":
            self.missing.append(f"{text}: {answer}")
        return answer

    # ---- the script ----

    def play(self):
        say("Four stations register with the CSMS. (The meters run 20 times faster than the clock, to have something to show.)")
        for _, station, *_ in CHARGERS:
            self.expect(f"{station} is Available", lambda s=station: self.connector(s) == "Available", 15)
        before = {name: self.show(name)["energy"] for name, *_ in CHARGERS}

        say("Cars plug in.")
        for name, *_ in CHARGERS:
            self.sim.ask(f"plug {name} soc=20 capacity=60kWh max=16")
        for _, station, *_ in CHARGERS:
            self.expect(f"{station} is Occupied", lambda s=station: self.connector(s) == "Occupied", 10)

        say(f"Cards are presented at the devices ({CARD}); the operator starts the others remotely.")
        for name, station, _, how, _ in CHARGERS:
            if how == "card":
                self.sim.ask(f"tap {name} {CARD}")
            else:
                self.command(f"start {station} 1 operator")
        for name, station, *_ in CHARGERS:
            self.expect(f"{station} charges", lambda n=name: self.show(n)["power"] > 3000, 12)

        say("Metering: TransactionEvent Updated every 4 s.")
        time.sleep(6)

        say("The operator limits every EVSE to 8 A.")
        for _, station, *_ in CHARGERS:
            self.command(f"limit {station} 1 8")
        for name, station, *_ in CHARGERS:
            self.expect(f"{station} draws at most 8 A", lambda n=name: max(self.show(n)["currents"]) <= 8.05, 10)
            self.expect(f"{station} still charges", lambda n=name: self.show(n)["power"] > 1000, 5)
        time.sleep(2)

        say("Cards stop the sessions at the devices; the operator stops the others remotely.")
        for name, station, _, how, _ in CHARGERS:
            if how == "card":
                self.sim.ask(f"tap {name} {CARD}")
            else:
                self.command(f"stop {station}")
        for name, station, *_ in CHARGERS:
            self.expect(f"{station} stopped", lambda n=name: self.show(n)["power"] == 0, 12)

        self.expect("the web UI answers", lambda: "<title>" in self.web_page(), 5)

        say("Cars leave.")
        for name, *_ in CHARGERS:
            self.sim.ask(f"unplug {name}")
        for _, station, *_ in CHARGERS:
            self.expect(f"{station} is Available again", lambda s=station: self.connector(s) == "Available", 10)
        self.expect("every transaction ended",
                    lambda: len(self.transactions()) == len(CHARGERS) and all(t["complete"] for t in self.transactions()), 10)
        self.judge(before)

    def web_page(self):
        """The first page of the web UI; its certificate is one that the gateway has just made."""
        try:
            with urllib.request.urlopen(WEB, context=ssl._create_unverified_context(), timeout=2) as answer:
                return gzip.decompress(answer.read()).decode() # as which its files are kept
        except OSError:
            return ""

    def setup_token(self):
        """It stands in the log of the first start."""
        found = re.search(r"setup token: token=(\S+)", (self.directory / "gateway.log").read_text())
        return found.group(1) if found else "-"

    def judge(self, before):
        rows = self.transactions()
        print(f"\n{'transaction':<37}{'station':<12}{'token':<16}{'Wh':>8}{'device Wh':>11}{'duration':>10}  stop reason")
        for name, station, _, _, tolerance in CHARGERS:
            mine = [row for row in rows if row["station"] == station]
            device = self.show(name)["energy"] - before[name]
            if len(mine) != 1:
                self.missing.append(f"{station}: {len(mine)} transactions at the CSMS, expected one")
                continue
            row = mine[0]
            print(f"{row['id']:<37}{station:<12}{row.get('token', '-'):<16}{row.get('energyWh', float('nan')):>8.0f}{device:>11.1f}"
                  f"{row.get('durationSeconds', 0):>8} s  {row.get('stoppedReason', '-')}")
            if not row["complete"]:
                self.missing.append(f"{station}: the transaction is not complete")
            if device < 5 or abs(row.get("energyWh", -1e9) - device) > tolerance:
                self.missing.append(f"{station}: {row.get('energyWh')} Wh at the CSMS, {device:.1f} Wh at the device")
        print(flush=True)


def say(text):
    print(f"\n== {text}\n", flush=True)


def hints(demo):
    directory = demo.directory
    return f"""The demo stays up. In a browser: {WEB} (its certificate is its own: go on nevertheless),
and make the first user with the setup token {demo.setup_token()}. In another terminal:

  export OCPP_GATEWAY_SOCKET={directory}/gateway.sock
  build/release/ocpp-cli status
  build/release/ocpp-cli watch
  build/release/ocpp-cli send CS-TCP-1 GetVariables '{{"getVariableData": [{{"component": {{"name": "TxCtrlr"}}, "variable": {{"name": "TxStartPoint"}}}}]}}'
  echo 'plug tcp1 soc=50' | socat - {directory}/sim.sock        # also: tap tcp1 {CARD}, unplug tcp1, fault tcp1 7, help
  echo 'start CS-TCP-1 1 operator' | socat - {directory}/csms.sock  # also: stop, limit, unlock, reset, transactions, help

Logs are in {directory}. Ctrl-C ends everything."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--once", action="store_true")
    arguments = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ocpp-demo."))
    demo = Demo(arguments.build.resolve(), directory)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    keep = False
    try:
        demo.launch()
        demo.play()
        for name in demo.dead():
            demo.missing.append(f"{name} ended before its time: see {directory}")
        if demo.missing:
            keep = True
            print("What is missing:", *(f"  - {text}" for text in demo.missing), f"Logs are in {directory}.", sep="\n", flush=True)
        else:
            print("Every transaction was completed with the right energy.", flush=True)
        if not arguments.once:
            print(hints(demo), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass
    except (OSError, ValueError) as problem:
        keep = True
        demo.missing.append(str(problem))
        print(f"The demo failed: {problem}. Logs are in {directory}.", flush=True)
    finally:
        demo.stop()
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    sys.exit(1 if demo.missing else 0)


if __name__ == "__main__":
    main()
