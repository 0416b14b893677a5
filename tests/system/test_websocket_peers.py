"""Our WebSocket client and server against Python's websockets: compression, TLS, subprotocols, pings."""
import asyncio
import os
import pathlib
import ssl
import subprocess

import pytest
import websockets

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEER = pathlib.Path(os.environ.get("BUILD", ROOT / "build/asan")) / "websocket_peer"
TIMEOUT = 10


class Peer:
    """Our side as a process that speaks lines."""

    @classmethod
    async def start(cls, *args):
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            str(PEER), *map(str, args), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, limit=10_000_000)
        return self

    async def line(self):
        return (await asyncio.wait_for(self.process.stdout.readline(), TIMEOUT)).decode().rstrip("\n")

    def send(self, text):
        self.process.stdin.write(text.encode() + b"\n")

    async def end(self):
        self.process.stdin.close()
        err = (await asyncio.wait_for(self.process.stderr.read(), TIMEOUT)).decode()
        code = await asyncio.wait_for(self.process.wait(), TIMEOUT)
        assert "ERROR: AddressSanitizer" not in err and "runtime error" not in err, err
        return code


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def serve(handler, **options):
    options.setdefault("subprotocols", ["ocpp2.0.1"])
    return websockets.serve(handler, "127.0.0.1", 0, **options)


def port_of(server):
    return server.sockets[0].getsockname()[1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-days", "2",
                    "-addext", "subjectAltName=DNS:localhost"], cwd=directory, check=True, capture_output=True)
    return directory / "cert.pem", directory / "key.pem"


MESSAGES = ["[]", '[2,"1","Heartbeat",{}]', "x" * 1000, "abc" * 50_000, "ü€" * 30_000,
            "".join(chr(33 + (i * i + i // 7) % 90) for i in range(200_000))]


async def exchange(peer, messages=MESSAGES):
    for message in messages:
        peer.send(message)
        assert await peer.line() == "message " + message


def run(coroutine):
    asyncio.run(asyncio.wait_for(coroutine, 60))


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("theirs", [None, "deflate"])
def test_client_exchanges_messages(ours, theirs):
    async def scenario():
        async with serve(echo, compression=theirs) as server:
            peer = await Peer.start(*(["--compress"] if ours else []), f"ws://127.0.0.1:{port_of(server)}/o", "CP")
            assert await peer.line() == "open ocpp2.0.1"
            await exchange(peer)
            peer.send("close 1001")
            assert await peer.end() == 0
    run(scenario())


@pytest.mark.parametrize("options", [
    {}, {"server_no_context_takeover": True}, {"client_no_context_takeover": True},
    {"server_max_window_bits": 9}, {"server_no_context_takeover": True, "client_no_context_takeover": True}])
def test_client_takes_any_parameters_of_compression(options):
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

    async def scenario():
        async with serve(echo, compression=None, extensions=[ServerPerMessageDeflateFactory(**options)]) as server:
            peer = await Peer.start("--compress", f"ws://127.0.0.1:{port_of(server)}", "CP")
            assert await peer.line() == "open ocpp2.0.1"
            await exchange(peer)
            await exchange(peer)
            peer.send("close 1000")
            await peer.end()
    run(scenario())


def test_client_takes_compressed_fragments():
    async def handler(ws):
        await ws.send(["abc" * 1000, "def" * 1000, "", "g"])
        await ws.wait_closed()

    async def scenario():
        async with serve(handler) as server:
            peer = await Peer.start("--compress", f"ws://127.0.0.1:{port_of(server)}", "CP")
            assert await peer.line() == "open ocpp2.0.1"
            assert await peer.line() == "message " + "abc" * 1000 + "def" * 1000 + "g"
            peer.send("close 1000")
            await peer.end()
    run(scenario())


def test_compression_cannot_be_used_to_fill_memory():
    async def handler(ws):
        await ws.send("x" * 50_000_000)
        await ws.wait_closed()
        assert ws.close_code == 1009

    async def scenario():
        async with serve(handler, compression="deflate") as server:
            peer = await Peer.start("--compress", f"ws://127.0.0.1:{port_of(server)}", "CP")
            assert await peer.line() == "open ocpp2.0.1"
            assert await peer.line() == "close CLOSED 1009 message too long"
            await peer.end()
    run(scenario())


def test_client_speaks_tls(certificate):
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def scenario():
        async with serve(echo, ssl=context) as server:
            peer = await Peer.start("--ca", cert, f"wss://localhost:{port_of(server)}/x", "CP")
            assert await peer.line() == "open ocpp2.0.1"
            await exchange(peer)
            peer.send("close 1000")
            await peer.end()
            assert names == ["localhost"]

            peer = await Peer.start("--ca", cert, f"wss://127.0.0.1:{port_of(server)}/x", "CP")
            assert (await peer.line()).startswith("close TLS_CERTIFICATE 0 IP address mismatch")
            await peer.end()
            assert names == ["localhost", None]
    run(scenario())


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"])
def test_client_speaks_the_suites_of_the_specification(certificate, suite):
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)

    async def scenario():
        async with serve(echo, ssl=context) as server:
            peer = await Peer.start("--ca", cert, f"wss://localhost:{port_of(server)}/x", "CP")
            assert await peer.line() == "open ocpp2.0.1"
            peer.send("close 1000")
            await peer.end()
    run(scenario())


def test_client_refuses_old_tls(certificate):
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")

    async def scenario():
        async with serve(echo, ssl=context) as server:
            peer = await Peer.start("--ca", cert, f"wss://localhost:{port_of(server)}/x", "CP")
            assert (await peer.line()).startswith("close TLS_FAILED 0 ")
            await peer.end()
    run(scenario())


def test_client_leaves_a_server_without_subprotocol():
    async def scenario():
        closed = asyncio.Event()

        async def handler(ws):
            await ws.wait_closed()
            assert ws.close_code == 1002
            closed.set()

        async with serve(handler, subprotocols=None) as server:
            peer = await Peer.start(f"ws://127.0.0.1:{port_of(server)}", "CP")
            assert (await peer.line()).startswith("close NO_SUBPROTOCOL 0")
            await asyncio.wait_for(closed.wait(), TIMEOUT)
            await peer.end()
    run(scenario())


def test_basic_authentication():
    class Protocol(websockets.BasicAuthWebSocketServerProtocol):
        async def check_credentials(self, username, password):
            return (username, password) == ("CP 1", "pass:word-ü")

    async def scenario():
        async with serve(echo, create_protocol=Protocol) as server:
            url = f"ws://127.0.0.1:{port_of(server)}"
            peer = await Peer.start("--password", "pass:word-ü", url, "CP 1")
            assert await peer.line() == "open ocpp2.0.1"
            peer.send("close 1000")
            await peer.end()
            peer = await Peer.start("--password", "wrong", url, "CP 1")
            assert await peer.line() == "close REFUSED 401 HTTP status 401"
            await peer.end()
    run(scenario())


def test_two_pongs_and_lost_pongs():
    async def handler(ws):
        for _ in range(100):  # 2 s
            await ws.pong(b"unasked")
            await asyncio.sleep(0.02)
        await ws.send("still there")
        ws.transport.pause_reading()  # no pongs from here on
        await asyncio.sleep(5)

    async def scenario():
        async with serve(handler, ping_interval=None) as server:
            peer = await Peer.start("--ping", "500", f"ws://127.0.0.1:{port_of(server)}", "CP")
            assert await peer.line() == "open ocpp2.0.1"
            assert await peer.line() == "message still there"
            assert await peer.line() == "close LOST 0 no answer to a ping"
            await peer.end()
    run(scenario())


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("ours", [False, True])
def test_server_exchanges_messages(compression, ours):
    async def scenario():
        peer = await Peer.start("--serve", *(["--compress"] if ours else []))
        port = (await peer.line()).split()[1]
        async with websockets.connect(f"ws://127.0.0.1:{port}/a/CP%201", subprotocols=["ocpp2.0.1"],
                                      compression=compression, max_size=None) as ws:
            assert await peer.line() == "handshake CP 1 - -"
            assert await peer.line() == "accept CP 1"
            assert ws.subprotocol == "ocpp2.0.1"
            for message in MESSAGES * 2:
                await ws.send(message)
                assert await peer.line() == "message " + message
                peer.send(message)
                assert await ws.recv() == message
            await (await ws.ping())
        assert (await peer.line()).startswith("close CLOSED 1000")
        await peer.end()
    run(scenario())


@pytest.mark.parametrize("offered", [None, ["ocpp1.5"], ["foo", "bar"]])
def test_server_completes_the_handshake_and_closes_without_common_subprotocol(offered):  # Part 4, 4.1.2
    async def scenario():
        peer = await Peer.start("--serve")
        port = (await peer.line()).split()[1]
        async with websockets.connect(f"ws://127.0.0.1:{port}/CP", subprotocols=offered) as ws:
            assert ws.subprotocol is None
            await ws.wait_closed()
            assert ws.close_code == 1002
        async with websockets.connect(f"ws://127.0.0.1:{port}/CP", subprotocols=["ocpp1.5", "ocpp1.6"]) as ws:
            assert ws.subprotocol == "ocpp1.6"
        peer.process.terminate()
        await peer.process.wait()
    run(scenario())


def test_server_asks_for_credentials():
    async def scenario():
        peer = await Peer.start("--serve", "--password", "secret")
        port = (await peer.line()).split()[1]
        with pytest.raises(websockets.InvalidStatusCode) as refusal:
            await websockets.connect(f"ws://127.0.0.1:{port}/CP", subprotocols=["ocpp2.0.1"])
        assert refusal.value.status_code == 401
        assert refusal.value.headers["WWW-Authenticate"].startswith("Basic")
        async with websockets.connect(f"ws://CP:secret@127.0.0.1:{port}/CP", subprotocols=["ocpp2.0.1"]):
            pass
        await peer.end()
    run(scenario())


def test_server_speaks_tls(certificate):
    cert, key = certificate

    async def scenario():
        peer = await Peer.start("--serve", "--cert", cert, "--key", key)
        port = (await peer.line()).split()[1]
        context = ssl.create_default_context(cafile=cert)
        async with websockets.connect(f"wss://localhost:{port}/CP", subprotocols=["ocpp2.0.1"], ssl=context,
                                      max_size=None) as ws:
            await peer.line(), await peer.line()
            for message in MESSAGES:
                await ws.send(message)
                assert await peer.line() == "message " + message
                peer.send(message)
                assert await ws.recv() == message
        assert (await peer.line()).startswith("close CLOSED 1000")
        await peer.end()
    run(scenario())
