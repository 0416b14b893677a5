"""A relay between a Modbus client and a server, over TCP or a pty, that spoils what comes back.

    relay.py tcp|rtu|ascii SERVER_PORT [--pty PATH] [--seed N --rate 0.2] [--echo]

Faults come by command (a line on stdin: "FAULT [TIMES [ARGUMENT]]", "refuse SECONDS", "unplug", "plug") or by seed: then every answer meets one
with the probability `rate`, and the same seed gives the same faults. Frames are carried whole, request by request; what
reached the server is kept (`requests`). Tests use the class.
"""
import argparse
import collections
import os
import pathlib
import random
import select
import socket
import sys
import threading
import time
import tty

SERVER_PATIENCE = 0.3  # a server that says nothing: a unit that is not there


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def pack(framing, head, unit, pdu):
    """A frame; `head` is the transaction of TCP."""
    body = bytes([unit]) + pdu
    if framing == "tcp":
        return head + b"\0\0" + len(body).to_bytes(2, "big") + body
    if framing == "rtu":
        return body + crc(body)
    return b":" + (body + bytes([-sum(body) & 0xFF])).hex().upper().encode() + b"\r\n"


def unpack(framing, frame):
    """(transaction, unit, pdu)"""
    if framing == "tcp":
        return frame[:2], frame[6], frame[7:]
    if framing == "rtu":
        return b"", frame[0], frame[1:-2]
    body = bytes.fromhex(frame[1:-2].decode())
    return b"", body[0], body[1:-1]


def frame_length(framing, data, is_answer):
    """How long the frame at the beginning is, or None: not known yet."""
    if framing == "tcp":
        return 6 + int.from_bytes(data[4:6], "big") if len(data) >= 6 else None
    if framing == "ascii":
        return data.index(b"\n") + 1 if b"\n" in data else None
    if len(data) < 8 and not is_answer or len(data) < 5:
        return None
    function = data[1]
    if is_answer:
        return 5 if function & 0x80 else 5 + data[2] if function in (1, 2, 3, 4, 23) else 10 if function == 22 else 8
    return 9 + data[6] if function in (15, 16) else 10 if function == 22 else 8


class Link:
    """One client: a socket, or the master of a pty."""

    def __init__(self, fd, close):
        self.fd, self._close, self.lock, self.is_open = fd, close, threading.Lock(), True

    def receive(self):
        while self.is_open:
            if select.select([self.fd], [], [], 0.05)[0]:
                return os.read(self.fd, 1024)
        return b""

    def send(self, data):
        with self.lock:
            if self.is_open:
                try:
                    os.write(self.fd, data)
                except OSError:
                    pass

    def close(self):
        with self.lock:
            if self.is_open:
                self.is_open = False
                self._close()


class Relay:
    def __init__(self, framing, server_port, path=None, seed=None, rate=0.0, echo=False):
        self.framing, self.server_port, self.path, self.echo = framing, server_port, path, echo
        self.random, self.rate = random.Random(seed), rate
        self.faults = collections.deque()  # (name, argument) for the answers to come
        self.requests, self.done = [], collections.Counter()  # what reached the server; faults that were done
        self.links, self.connections, self.listener, self.closed = [], 0, None, False
        if path:
            self.plug()
        else:
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    # -- links --

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._begin(Link(client.fileno(), client.close))

    def _begin(self, link):
        self.connections += 1
        self.links.append(link)
        threading.Thread(target=self._carry, args=(link,), daemon=True).start()

    def plug(self):
        """The serial line is there (again)."""
        master, slave = os.openpty()
        tty.setraw(slave)
        self.path = pathlib.Path(self.path)
        temporary = self.path.with_suffix(".new")
        temporary.symlink_to(os.ttyname(slave))
        temporary.rename(self.path)
        self.slave = slave  # held open until the client has it, else the master reads an error
        self._begin(Link(master, lambda: os.close(master)))

    def unplug(self):
        self.path.unlink()
        os.close(self.slave)
        self.hang_up()

    def hang_up(self):
        for link in self.links:
            link.close()
        self.links.clear()

    def refuse(self, seconds):
        """Hangs up and takes no connection for so long."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()

        def listen():
            if not self.closed:
                self.listener = socket.create_server(("127.0.0.1", self.port))
                threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        threading.Timer(seconds, listen).start()

    def close(self):
        self.closed = True
        self.hang_up()
        if self.listener:
            self.listener.close()

    # -- what goes over them --

    def _carry(self, link):
        server, waiting = socket.create_connection(("127.0.0.1", self.server_port)), b""
        try:
            while link.is_open and (data := link.receive()):
                waiting += data
                while (length := frame_length(self.framing, waiting, False)) and len(waiting) >= length:
                    self._exchange(link, server, waiting[:length])
                    waiting = waiting[length:]
        except OSError:
            pass
        link.close()
        server.close()

    def _ask(self, server, request):
        server.settimeout(SERVER_PATIENCE)
        answer = b""
        server.sendall(request)
        try:
            while not ((length := frame_length(self.framing, answer, True)) and len(answer) >= length):
                data = server.recv(1024)
                if not data:
                    break
                answer += data
        except TimeoutError:
            pass
        return answer

    def _exchange(self, link, server, request):
        if self.echo:
            link.send(request)
        self.requests.append(request)
        answer = self._ask(server, request)
        name, argument = "none", None
        if self.faults:
            name, argument = self.faults.popleft()
        elif self.rate and self.random.random() < self.rate:
            name = self.random.choice(sorted(self.by_seed))
        self.done[name] += 1
        if answer:
            getattr(self, "_" + name)(link, request, answer, argument)

    # -- faults: each sends what comes of the answer --

    by_seed = ["delay", "drop", "truncate", "split", "duplicate", "garble", "unit", "transaction", "late", "close", "close_after",
               "exception", "noise_before", "noise_after"]

    def inject(self, name, times=1, argument=None):
        assert hasattr(self, "_" + name), name
        self.faults.extend([(name, argument)] * times)

    def _none(self, link, request, answer, argument):
        link.send(answer)

    def _delay(self, link, request, answer, seconds):
        time.sleep(seconds or 0.05)
        link.send(answer)

    def _drop(self, link, request, answer, argument):
        pass

    def _truncate(self, link, request, answer, count):
        link.send(answer[:count or len(answer) // 2])
        if self.framing == "tcp":  # nothing behind it could be found
            link.close()

    def _split(self, link, request, answer, seconds):
        for i in range(0, len(answer), 2):
            link.send(answer[i:i + 2])
            time.sleep(seconds or 0.004)

    def _duplicate(self, link, request, answer, argument):
        link.send(answer + answer)

    def _garble(self, link, request, answer, argument):
        """A bit of the checked part is another; on TCP, where nothing is checked, in its protocol id or its length."""
        at = self.random.choice([2, 3]) if self.framing == "tcp" else self.random.randrange(1, len(answer) - 2)
        link.send(answer[:at] + bytes([answer[at] ^ 1 << self.random.randrange(7)]) + answer[at + 1:])

    def _echo(self, link, request, answer, argument):
        link.send(request)
        link.send(answer)

    def _unit(self, link, request, answer, argument):
        transaction, unit, pdu = unpack(self.framing, answer)
        link.send(pack(self.framing, transaction, unit % 247 + 1, pdu))

    def _transaction(self, link, request, answer, argument):
        transaction, unit, pdu = unpack(self.framing, answer)
        if self.framing == "tcp":
            link.send(pack(self.framing, bytes([transaction[0] ^ 1, transaction[1]]), unit, pdu))

    def _late(self, link, request, answer, seconds):
        threading.Timer(seconds or 0.13, link.send, [answer]).start()

    def _close(self, link, request, answer, argument):
        link.close() if self.listener else None

    def _close_after(self, link, request, answer, argument):
        link.send(answer)
        if self.listener:
            link.close()

    def _exception(self, link, request, answer, code):
        transaction, unit, pdu = unpack(self.framing, answer)
        link.send(pack(self.framing, transaction, unit, bytes([pdu[0] & 0x7F | 0x80, code or 6])))

    def _longer(self, link, request, answer, argument):
        transaction, unit, pdu = unpack(self.framing, answer)
        if pdu[0] == 3:
            pdu = bytes([3, pdu[1] + 2]) + pdu[2:] + b"\xBA\xD1"
        link.send(pack(self.framing, transaction, unit, pdu))

    def _noise_before(self, link, request, answer, argument):
        link.send((b"" if self.framing == "tcp" else self.random.randbytes(5)) + answer)

    def _noise_after(self, link, request, answer, argument):
        link.send(answer + (b"" if self.framing == "tcp" else self.random.randbytes(5)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("framing", choices=["tcp", "rtu", "ascii"])
    arguments.add_argument("server_port", type=int)
    arguments.add_argument("--pty")
    arguments.add_argument("--seed", type=int)
    arguments.add_argument("--rate", type=float, default=0.0)
    arguments.add_argument("--echo", action="store_true")
    a = arguments.parse_args()
    relay = Relay(a.framing, a.server_port, a.pty, a.seed, a.rate, a.echo)
    print("ready", relay.path or relay.port, flush=True)
    for line in sys.stdin:
        name, *rest = line.split()
        if name in ("refuse", "unplug", "plug"):
            getattr(relay, name)(*map(float, rest))
        else:
            relay.inject(name, *(int(rest[0]) if rest else 1, float(rest[1]) if len(rest) > 1 else None))
    relay.close()


if __name__ == "__main__":
    main()
