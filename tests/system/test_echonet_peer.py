"""Our ECHONET Lite driver against a charger on npm's echonet-lite (tests/peers/echonet), which nobody here wrote. It answers from
another port than 3610, among other habits of its own. Each test has a port of its own, since the library binds all addresses."""
import itertools
import os
import pathlib
import random
import shutil
import socket

import pytest

from test_modbus_peers import ROOT, Program

BUILD = next((d for d in (pathlib.Path(os.environ.get("BUILD", "/nowhere")), ROOT / "build/asan", ROOT / "build/dev")
              if (d / "echonet_probe").exists()), ROOT / "build/asan")
PEER = ROOT / "tests/peers/echonet"
POINTS = ["mode:0xDA:1:1000:rw", "plug:0xC7:1:1000:r", "power:0xD3:4:1000:r", "energy:0xD8:4:2000:r", "limit:0xED:2:0:rw",
          "soc:0xE4:1:1000:r", "look:0xCD:1:0:w"]
counter = itertools.count(1)

pytestmark = pytest.mark.skipif(not shutil.which("node") or not (PEER / "node_modules").exists(),
                                reason="tests/peers/install.sh was not run")


def free_port():
    """Free, and 20000 above it, too: from there the library sends."""
    while True:
        port = random.randrange(12000, 32000)
        try:
            for p in (port, port + 20000):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.bind(("0.0.0.0", p))
            return port
        except OSError:
            pass


class Pair:
    def __init__(self, targets=None, options="0x02A1,5,2000,20,2"):
        n, i = os.getpid() % 200 + 1, next(counter)
        self.peer_address, self.our_address = f"127.71.{n}.{i}", f"127.72.{n}.{i}"
        self.port = free_port()
        self.peer = Program("node", PEER / "charger.js", self.peer_address, self.port)
        self.peer.expect("ready")
        self.options = options
        self.probe = None
        self.start(targets or f"{self.peer_address}/1")

    def start(self, targets):
        self.probe = Program(BUILD / "echonet_probe", f"{self.our_address}:{self.port}", self.options, targets, *POINTS)

    def counters(self):
        self.probe.say("counters")
        line = self.probe.expect("counters .*")[0]
        return {k: int(v) for k, v in (f.split("=") for f in line.split()[1:])}

    def close(self):
        self.peer.kill()
        assert self.probe.stop() == 0


@pytest.fixture
def pair():
    p = Pair()
    yield p
    p.close()


def test_a_foreign_charger_is_read(pair):
    pair.probe.expect("1 online")
    pair.probe.expect("1 value plug 30")
    pair.probe.expect("1 value power 00000000")
    pair.probe.expect("1 value energy 0001E240")
    pair.probe.expect("1 none soc 2001")  # not in its map, refused: Get_SNA
    assert pair.counters()["timeouts"] == 0 and pair.counters()["bad_frames"] == 0


def test_a_foreign_charger_obeys(pair):
    pair.probe.expect("1 online")
    pair.probe.say("write 1 mode 42")
    pair.peer.expect("set da 42")
    pair.probe.expect("1 done 0")
    pair.probe.expect("1 value mode 42")
    pair.probe.say("write 1 limit 0064")
    pair.peer.expect("set ed 0064")
    pair.probe.expect("1 done 0")
    pair.probe.say("read 1 limit")
    pair.probe.expect("1 value limit 0064")
    pair.probe.expect("1 done 0")


def test_what_a_foreign_charger_does_not_have_is_refused(pair):
    pair.probe.expect("1 online")
    pair.probe.say("write 1 look 10")  # it is not in the Set map
    pair.probe.expect("1 done 2001")
    pair.probe.say("write 1 limit 0064")
    assert pair.peer.expect("set .*")[0] == "set ed 0064"  # nothing was sent before


def test_two_foreign_chargers_on_one_node_are_two():
    pair = Pair(targets="-")
    pair.probe.stop()
    pair.start(f"{pair.peer_address}/1,{pair.peer_address}/2")
    pair.probe.expect("1 value plug 30")
    pair.probe.expect("2 value plug 41")
    pair.probe.expect("2 none power 2001")  # not in the map of the second
    pair.probe.say("write 2 mode 42")
    pair.peer.expect("set2 da 42")
    pair.probe.expect("2 value mode 42")
    pair.peer.say("set c7 43 02a102")
    pair.probe.expect("2 value plug 43")
    assert pair.counters()["timeouts"] == 0
    pair.close()


def test_announcements_of_a_foreign_charger_are_heard(pair):
    pair.probe.expect("1 value plug 30")
    pair.peer.say("set c7 41")
    pair.probe.expect("1 value plug 41")
    pair.peer.say(f"infc {pair.our_address} d8")
    pair.peer.expect("receipt d8")


def test_a_foreign_charger_that_falls_silent_is_missed_and_found_again():
    pair = Pair(options="0x02A1,5,200,20,1")
    pair.probe.expect("1 online")
    pair.peer.say("quiet")
    pair.probe.expect("1 offline 2002")
    pair.peer.say("talk")
    pair.probe.expect("1 online")
    pair.probe.expect("1 value plug 30")
    pair.close()


def test_an_announcement_of_a_silent_charger_brings_it_back_at_once():
    pair = Pair(options="0x02A1,5,200,20,1")
    pair.probe.expect("1 online")
    pair.peer.say("quiet")
    pair.probe.expect("1 offline 2002")
    pair.peer.say("set c7 41")
    pair.probe.expect("1 online")
    pair.probe.expect("1 value plug 41")
    pair.close()


def test_a_foreign_node_is_discovered_and_found_by_its_id():
    pair = Pair(targets="-")
    pair.probe.say("scan")
    pair.probe.expect(f"found {pair.peer_address} instances 02A10102A102")
    node_id = pair.probe.expect(f"found {pair.peer_address} id (FE[0-9A-F]{{32}})")[1]
    assert pair.probe.stop() == 0
    pair.start(f"id:{node_id}/1")
    pair.probe.expect("1 online")
    pair.probe.expect("1 value plug 30")
    pair.close()
