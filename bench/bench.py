#!/usr/bin/env python3
"""Measures the gateway against its counterpart (bench/peer.c) and prints a table: what, measured, aim, and what others need.

usage: bench.py [--quick] [ROW...]     rows: memory local_list idle latency requests events modbus line history streaming
                                       api size (all if none is named)

Everything is one gateway process and one counterpart on the loopback of this machine. Nothing fails on a time; a row that could not
be measured says why.
"""
import argparse
import contextlib
import json
import os
import pathlib
import queue
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import web

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD, SMALL = ROOT / "build/bench", ROOT / "build/small"
PATIENCE = 60
IDLE_WAIT = 60
TICKS = os.sysconf("SC_CLK_TCK")

PROFILE = """\
profile: {name}
vendor: Bench
models: [Bench]
protocol: modbus
modbus: {{ timeout: 2s }}
points:
  state:  {{ at: input 0, type: u16, every: {every} }}
  power:  {{ at: input 1, type: i32, unit: W, every: {every} }}
  energy: {{ at: input 3, type: u32, unit: Wh, every: {every} }}
  enable: {{ at: holding 10, type: u16, access: w }}
  limit:  {{ at: holding 11, type: u16, scale: 0.1, unit: A, access: w }}
evses:
  - connectors: [ {{ type: sType2, phases: 3, max_current: 32 }} ]
    signals:
      state:
        - available: state == 1
        - charging: state == 3
        - suspended_ev: state == 4
        - connected: otherwise
      energy_import: energy
      power_import: power
    commands:
      start: [ {{ set: {{ enable: 1 }} }} ]
      stop: [ {{ set: {{ enable: 0 }} }} ]
      limit: {{ set: {{ limit: limit_A }}, min: 6, step: 1, below_min: pause }}
"""

# Only what is measured here begins or ends a transaction, and nothing else is sent by the clock.
VARIABLES = {"TxCtrlr.TxStartPoint": "Authorized", "TxCtrlr.TxStopPoint": "Authorized",
             "SampledDataCtrlr.TxUpdatedInterval": "0", "AlignedDataCtrlr.Interval": "0"}


class Skipped(Exception):
    """A row that cannot be measured here."""


class Program:
    def __init__(self, *command, **options):
        self.name = pathlib.Path(command[0]).name
        self.started_ns = time.monotonic_ns()
        self.process = subprocess.Popen([str(c) for c in command], text=True, bufsize=1, **options)

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Peer(Program):
    def __init__(self, *command):
        super().__init__(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.process.stdout], daemon=True).start()
        self.answer(PATIENCE)

    def answer(self, seconds):
        try:
            return json.loads(self.lines.get(timeout=seconds))
        except queue.Empty:
            raise Skipped("the counterpart did not come to an end") from None

    def ask(self, command, seconds=PATIENCE):
        self.process.stdin.write(command + "\n")
        return self.answer(seconds)


def free_port():
    with socket.socket() as s:
        s.bind(("0.0.0.0", 0))
        return s.getsockname()[1]


def status_of(pid):
    """Resident KiB, threads, descriptors of a process."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return (int(re.search(r"VmRSS:\s+(\d+)", text)[1]), int(re.search(r"Threads:\s+(\d+)", text)[1]),
            len(os.listdir(f"/proc/{pid}/fd")))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Site:
    """A gateway with its stations and their counterpart."""

    def __init__(self, stations, tls=False, every="1h", state=None, web=False, transactions=0):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="site-", dir=state or BUILD))  # a disk, which /tmp may not be
        self.stations, self.tls, self.every = stations, tls, every
        self.transactions = transactions   # in its history
        self.control, self.web_port = self.directory / "control.sock", free_port() if web else None
        self.peer = self.gateway = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in (self.gateway, self.peer):
            if program:
                program.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _certificate(self):
        key, certificate = self.directory / "key.pem", self.directory / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                        "-out", certificate], check=True, capture_output=True)
        return certificate, key

    def _configuration(self, csms_port, modbus_port, certificate):
        (self.directory / "profiles").mkdir()
        (self.directory / "profiles/bench.yaml").write_text(PROFILE.format(name="bench", every=self.every))
        scheme, security = ("wss", f"security_profile: 2, ca_file: {certificate}") if self.tls else ("ws", "security_profile: 0")
        password = "password: bench-bench-bench-1, " if self.tls else ""
        variables = ", ".join(f"{k}: {json.dumps(v)}" for k, v in VARIABLES.items())
        lines = [f"gateway: {{ state: {self.directory}/state, control: {self.control}, "
                 f"profiles: {self.directory}/profiles, pacing: 0s }}",
                 f"management: {{ listen: \"127.0.0.1:{self.web_port}\", tls: true }}" if self.web_port else "",
                 "log: { level: warn }",
                 f"csms: {{ bench: {{ url: \"{scheme}://localhost:{csms_port}/ocpp\", {security} }} }}", "stations:"]
        lines += [f"  - {{ id: B{i}, csms: bench, {password}variables: {{ {variables} }}, "
                  f"chargers: [ {{ profile: bench, tcp: \"127.1.{i // 256}.{i % 256}:{modbus_port}\" }} ] }}"
                  for i in range(self.stations)]
        path = self.directory / "gateway.yaml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def _start(self):
        certificate = self._certificate() if self.tls else ()
        csms_port, modbus_port = free_port(), free_port()
        self.path = path = self._configuration(csms_port, modbus_port, certificate[0] if certificate else None)
        if self.transactions:
            (self.directory / "state").mkdir(mode=0o700)
            subprocess.run([BUILD / "bench-history", self.directory / "state", str(2 * self.transactions), str(self.transactions)],
                           check=True, capture_output=True)
        self.peer = Peer(BUILD / "bench-peer", csms_port, modbus_port, self.stations, *certificate)
        self.log = open(self.directory / "log", "w+")
        self.gateway = Program(BUILD / "ocpp-gateway", "--config", path, stderr=self.log)
        try:
            ready = self.peer.ask("ready")
        except Skipped:
            self.log.seek(0)
            raise Skipped(f"not all stations came up: {self.log.read()[:600].strip()}") from None
        self.boot_s = (ready["ready_ns"] - self.gateway.started_ns) / 1e9


# ---- rows ----

class Table:
    """Prints rows as they come, so that a long run shows its way."""

    WIDTHS = (74, 22, 18, 0)

    def __init__(self):
        self._print("what (one gateway process)", "measured", "aim", "others, or the limit")
        print("-" * 150)

    def _print(self, *cells):
        print("  ".join(str(cell).ljust(width) for cell, width in zip(cells, self.WIDTHS)), flush=True)

    def note(self, text):
        print(f"  note: {text}", flush=True)

    def row(self, what, measured, aim="", others=""):
        self._print(what, measured, aim, others)


def settle(site, seconds=8):
    """What the process has once it is calm: some seconds after the start it gives memory back."""
    time.sleep(seconds)
    return status_of(site.gateway.pid)


def memory(table, quick):
    count = 200 if quick else 1000
    base = {}
    for tls in (False, True):
        with Site(1, tls) as site:
            base[tls] = settle(site)
    for tls, aim, others in ((False, "32 KiB", "libocpp 1.65 MB; MicroOcpp 285-377 KB"), (True, "64 KiB", "libwebsockets alone 6 / 36 KB")):
        with Site(count, tls) as site:
            rss, threads, fds = settle(site)
            kind = "TLS" if tls else "plain"
            table.row(f"resident memory per idle station, {count}, {kind}", f"{(rss - base[tls][0]) / (count - 1):.1f} KiB", aim, others)
            table.row(f"{count} stations from exec to all accepted, status sent, {kind}", f"{site.boot_s:.2f} s",
                      "2.0 s" if tls else "1.0 s", "1.0 s is the other side's limit" if tls else "0.22 s is the other side's limit")
            if not tls:
                table.row("threads / descriptors per station",
                          f"{(threads - base[tls][1]) / (count - 1):.3f} / {(fds - base[tls][2]) / (count - 1):.3f}", "0 / 2",
                          "libocpp 21 and 51")
    with Site(100, True) as site:
        table.row("whole process, 100 TLS stations", f"{settle(site)[0] / 1024:.1f} MiB", "16 MiB", "SAP simulator 485 MB, libocpp 175 MB")
    heap = json.loads(subprocess.run([BUILD / "bench-station", "1000"], capture_output=True, text=True, check=True).stdout)
    composite = json.loads(subprocess.run([BUILD / "bench-composite", "100", "100"], capture_output=True, text=True, check=True).stdout)
    table.row(f"composite schedule of a day, 100 profiles x 100 periods ({composite['periods']} periods)", f"{composite['ms']:.3f} ms", "1 ms")
    monitors = json.loads(subprocess.run([BUILD / "bench-monitors", "1000", "20"], capture_output=True, text=True, check=True).stdout)
    table.row("20 monitors of each of 1,000 stations, looked at each second", f"{monitors['core'] * 100:.1f} % of a core", "5 %")
    table.row("heap of the station logic, per idle station", f"{heap['heap_bytes'] / 1024:.1f} KiB", "8 KiB", "MicroOcpp 8.6 KB")


def idle(table, quick):
    count, seconds = (200, 10) if quick else (1000, 60)
    with Site(count) as site:
        time.sleep(5)
        before = cpu_seconds(site.gateway.pid)
        time.sleep(seconds)
        used = (cpu_seconds(site.gateway.pid) - before) / seconds
        table.row(f"idle CPU, {count} stations, heartbeat 60 s, no polling", f"{100 * used:.2f} % of a core", "0.5 %", "MicroOcpp x 500: 14 %")


def latency_rows(table, title, result, aims):
    if result["count"] == 0:
        raise Skipped("no start was answered, written and reported within 2 s")
    for key, what in (("answer", "answered"), ("write", "Modbus write at the device"),
                      ("event", "TransactionEvent, after its commit")):
        p50, p99 = result[f"{key}_p50_us"] / 1000, result[f"{key}_p99_us"] / 1000
        table.row(f"RequestStartTransaction -> {what}{title}", f"{p50:.2f} / {p99:.2f} ms", aims[key],
                  {"write": "bare floor 0.11 / 0.27 ms", "event": "bare floor 0.32 / 0.63 ms"}.get(key, ""))
    if result["lost"]:
        table.row(f"  lost{title}", result["lost"], "0")


def latency(table, quick):
    count = 200 if quick else 2000
    with Site(100) as site:
        latency_rows(table, "", site.peer.ask(f"latency {count}", 300),
                     {"answer": "0.25 / 1 ms", "write": "0.25 / 1 ms", "event": "0.6 / 2 ms"})
    with Site(100, every="1s") as site:
        latency_rows(table, " (100 polled)", site.peer.ask(f"latency {count}", 300),
                     {"answer": "p99 2 ms", "write": "p99 2 ms", "event": "p99 2 ms"})


def counted(site, command, seconds):
    """What the counterpart counted, and CPU as text: how much of a core the gateway and the counterpart took."""
    pids = (site.gateway.pid, site.peer.pid)
    before = [cpu_seconds(pid) for pid in pids]
    result = site.peer.ask(f"{command} {seconds}", seconds + PATIENCE)
    shares = [100 * (cpu_seconds(pid) - b) / seconds for pid, b in zip(pids, before)]
    result["cpu"] = f"{shares[0]:.0f} % (counterpart {shares[1]:.0f} %)"
    return result


def requests(table, quick):
    with Site(100) as site:
        r = counted(site, "requests", 2 if quick else 10)
        table.row("CSMS requests answered per second, 100 stations (GetVariables)", f"{r['answers'] / r['seconds']:,.0f}", "20,000",
                  "VCP 6,855, SAP 4,099")
        table.row("  CPU", r["cpu"])
        if r["errors"]:
            table.row("  of them errors", f"{r['errors']:,}", "0")


def events(table, quick):
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    kinds = [(False, shm, "database in memory, plain", "25,000", "raw WebSocket 108,000"),
             (True, shm, "database in memory, TLS", "15,000", "raw WebSocket 67,000"),
             (False, None, "durable, plain", "10,000", "SQLite in groups of 10: 43,000 rows/s")]
    for tls, state, title, aim, others in kinds:
        # Each poll may bring an event; 50 ms is the shortest interval a profile may name.
        with Site(500 if quick else 1500, tls, every="50ms", state=state) as site:
            r = counted(site, "events", 3 if quick else 10)
            table.row(f"TransactionEvents sent and acknowledged per second, {title}", f"{r['events'] / r['seconds']:,.0f}", aim, others)
            table.row("  beside them Modbus polls per second", f"{r['polls'] / r['seconds']:,.0f}")
            table.row("  CPU", r["cpu"])


def modbus(table, quick):
    seconds = 2 if quick else 5
    for count in (100, 1000):
        port = free_port()
        peer = Peer(BUILD / "bench-peer", free_port(), port, count)
        try:
            out = subprocess.run([BUILD / "bench-modbus", str(port), str(count), str(seconds)], capture_output=True, text=True, check=True)
            r = json.loads(out.stdout)
            aim, others = ("75,000, 10 us CPU", "libmodbus, 100 threads: 69,000, 14 us") if count == 100 else ("", "libmodbus: select() ends at 1,024")
            table.row(f"Modbus TCP round trips per second, {count} devices, one thread", f"{r['per_second']:,.0f}, {r['cpu_us']:.1f} us CPU",
                      aim, others)
        finally:
            peer.stop()
    with Site(200 if quick else 1000, every="1s") as site:
        r = counted(site, "polls", 3 if quick else 10)
        table.row(f"{site.stations} stations, each polled every second: polls per second", f"{r['polls'] / r['seconds']:,.0f}")
        table.row("  CPU", r["cpu"])


def line(table, quick):
    """32 units on one line, some of them dead; wanted each second is more than it carries, each two seconds is not."""
    for dead, every in ((0, 2000), (4, 2000), (0, 500)):
        out = subprocess.run([BUILD / "bench-line", "32", str(dead), "9600", str(every), str(10 if quick else 30)], capture_output=True,
                             text=True, check=True)
        r = json.loads(out.stdout)
        table.row(f"32 units on a line of 9600 baud, {dead} dead, state wanted each {every} ms: it comes each (p50, p99, longest)",
                  "{:.0f}, {:.0f}, {:.0f} ms".format(*r["period_ms"]))
        table.row("  a command among the polls (p50, p99, longest)", "{:.0f}, {:.0f}, {:.0f} ms".format(*r["latency_ms"]),
                  "the request in flight" if not dead else "... or a time-out of 300 ms")
        needed = f", {100 * r['least']:.1f} % at least for what is wanted" if r["least"] < 1 else ""
        table.row("  the line's time: polls, commands", f"{100 * r['polls']:.1f} %, {100 * r['writes']:.1f} %{needed}")


def local_list(table, _):
    r = json.loads(subprocess.run([BUILD / "bench-local-list", "10000", "100000"], capture_output=True, text=True, check=True).stdout)
    table.row("SendLocalList of 10,000 entries in messages of 64 KiB, stored", f"{r['seconds']:.2f} s", "1 s")
    table.row("... longest time that others wait: for the loop / for a commit", f"{r['busy_ms']:.1f} ms / {r['other_ms']:.0f} ms")
    table.row("a token looked up in a list of 100,000", f"{r['lookup_us']:.2f} us", "a few us")
    table.row("that list is replaced: longest time that others wait, likewise", f"{r['replace_busy_ms']:.1f} ms / {r['replace_other_ms']:.0f} ms")


def history(table, quick):
    count = 10000 if quick else 100000
    found = {}
    for kind in ("", "store"):
        with tempfile.TemporaryDirectory(dir=BUILD) as directory:
            command = [BUILD / "bench-history", directory, str(count), "1000", *([kind] if kind else [])]
            found[kind] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    table.row("a transaction event stored and told to the history: the loop's time for it, of all threads",
              f"{found['']['loop_us']:.1f}, {found['']['all_us']:.1f} us")
    table.row("  of that for the history", f"{found['']['loop_us'] - found['store']['loop_us']:.1f}, "
                                           f"{found['']['all_us'] - found['store']['all_us']:.1f} us")


def streaming(table, quick):
    with Site(200 if quick else 1000, every="1s", web=True) as site:
        site.peer.ask("live")
        web.streaming(table, site, 45 if quick else 120, cpu_seconds, lambda pid: status_of(pid)[0])


def api(table, quick):
    with Site(200 if quick else 1000, web=True, transactions=1000 if quick else 20000) as site:
        web.long_requests(table, site)


def size(table, _):
    def text_of(archive):
        out = subprocess.run(["size", "-t", SMALL / archive], capture_output=True, text=True, check=True).stdout
        return int(out.splitlines()[-1].split()[0]) / 1024
    table.row("code of the station library (-Os, text and constants)", f"{text_of('libstation.a'):.0f} KiB", "200 KB",
              "MicroOcpp simulator 1.67 MB; libocpp 5.2 MB")
    table.row("  and of the OCPP message layer under it", f"{text_of('libocpp.a'):.0f} KiB")


ROWS = {"memory": memory, "local_list": local_list, "idle": idle, "latency": latency, "requests": requests, "events": events, "modbus": modbus,
        "line": line, "history": history, "streaming": streaming, "api": api, "size": size}


# ---- the machine ----

def machine_seconds():
    """CPU time all processes took so far, and wall time, in seconds of one core."""
    fields = [int(f) for f in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / TICKS, time.monotonic()


def own_seconds():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


class Machine:
    """Waits for an idle machine, IDLE_WAIT seconds in all, and tells what others took of it while we measured."""

    def __init__(self):
        self.patience = IDLE_WAIT

    def wait(self):
        while self.patience > 0:
            (busy, at), _ = machine_seconds(), time.sleep(1)
            busy_after, at_after = machine_seconds()
            self.patience -= at_after - at
            if (busy_after - busy) / (at_after - at) / os.cpu_count() < 0.1:
                break
        self.before = *machine_seconds(), own_seconds()

    def tell(self, table):
        busy, at = machine_seconds()
        wall = (at - self.before[1]) * os.cpu_count()
        others = (busy - self.before[0] - (own_seconds() - self.before[2])) / wall
        if others > 0.1:
            table.note(f"the machine was busy: other programs took {100 * others:.0f} % of it while the rows above were measured")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer stations, shorter")
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[*ROWS, []])
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    print(f"{os.cpu_count()} cores, {model[1] if model else 'unknown CPU'}; counterpart on the same machine\n")
    table, machine = Table(), Machine()
    for name in arguments.rows or ROWS:
        machine.wait()
        try:
            ROWS[name](table, arguments.quick)
        except (Skipped, OSError, subprocess.SubprocessError, ValueError) as reason:
            table.row(f"{name}: not measured", " ".join(str(reason).split())[:300])
        machine.tell(table)


if __name__ == "__main__":
    main()
