"""File servers that no one here wrote: http.server, pyftpdlib, asyncssh. Each serves one directory on a loopback address, in a thread."""
import asyncio
import base64
import email
import http.server
import logging
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import urllib.parse

logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
logging.getLogger("asyncssh").setLevel(logging.CRITICAL)


def free_port(host):
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def make_certificate(directory, name="localhost", host="127.0.0.1"):
    """A self-signed server certificate for the address; (certificate, key)."""
    cert, key = pathlib.Path(directory) / f"{name}.crt", pathlib.Path(directory) / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key),
                    "-out", str(cert), "-subj", f"/CN={name}", "-days", "2", "-addext", f"subjectAltName=IP:{host},DNS:{name}"],
                   check=True, capture_output=True)
    return cert, key


class HttpFiles:
    """GET, PUT, and POST of a form. `faults`: path, or "PUT path" and so on -> number (that status), "cut", "stall", "endless",
    ("redirect", URL); `requests` are kept. `hold`, an Event, lets answers wait until it is set."""

    def __init__(self, directory, host="127.0.0.1", tls=None, login=None, port=0):
        self.directory, self.login, self.faults, self.requests, self.forms = pathlib.Path(directory), login, {}, [], []
        self.hold = None
        self.stopping = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass  # the client went away

            def refuse(self):
                path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
                outer.requests.append((self.command, path, dict(self.headers)))
                fault = outer.faults.get(f"{self.command} {path}", outer.faults.get(path))
                wanted = outer.login and "Basic " + base64.b64encode(":".join(outer.login).encode()).decode()
                if wanted and self.headers.get("Authorization") != wanted:
                    fault = 401
                if outer.hold:
                    outer.hold.wait(30)
                if isinstance(fault, int):
                    self.rfile.read(int(self.headers.get("Content-Length", 0)))   # else the answer may be lost with the connection
                    self.close_connection = True
                    self.send_response(fault)
                    if fault == 401:
                        self.send_header("WWW-Authenticate", 'Basic realm="files"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif isinstance(fault, tuple):
                    self.send_response(302)
                    self.send_header("Location", fault[1])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif fault == "stall" and self.command == "PUT":
                    outer.stopping.wait(30)
                    self.close_connection = True
                else:
                    return path, fault
                return None, None

            def do_GET(self):
                path, fault = self.refuse()
                if not path:
                    return
                file = outer.directory / path.lstrip("/")
                if not file.is_file():
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                data = file.read_bytes()
                self.send_response(200)
                if fault != "endless":
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if fault:
                    self.close_connection = True
                    self.wfile.write(data[:len(data) // 2])
                    self.wfile.flush()
                    while fault == "endless":
                        self.wfile.write(data)
                    if fault == "stall":
                        outer.stopping.wait(30)
                    return
                self.wfile.write(data)

            def do_PUT(self):
                path, fault = self.refuse()
                if not path:
                    return
                length = int(self.headers["Content-Length"])
                if fault == "cut":
                    self.rfile.read(length // 2)
                    self.close_connection = True
                    return
                file = outer.directory / path.lstrip("/")
                file.write_bytes(self.rfile.read(length))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self):
                path, _ = self.refuse()
                if not path:
                    return
                body = self.rfile.read(int(self.headers["Content-Length"]))
                form = email.message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
                for part in form.get_payload():
                    outer.forms.append((path, part.get_content_type(), part["Content-Disposition"]))
                    (outer.directory / part.get_filename()).write_bytes(part.get_payload(decode=True))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that does not like our certificate

        self.server = Server((host, port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, tls))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.host, self.port = self.server.server_address[:2]
        who = ":".join(login) + "@" if login else ""
        self.url = f"{'https' if tls else 'http'}://{who}{self.host}:{self.port}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()


class FtpFiles:
    """ftp, or with a (certificate, key) ftps from the first byte. `mute_quit`: a goodbye is not answered. `cut_at`, if
    set: the next upload is cut off after so many bytes."""

    def __init__(self, directory, host="127.0.0.1", tls=None, login=("user", "secret-of-ftp"), mute_quit=False):
        from pyftpdlib import authorizers, handlers, ioloop, servers
        outer, self.cut_at = self, None

        class Cut:
            def handle_read_event(self):
                super().handle_read_event()
                if outer.cut_at and self.tot_bytes_received >= outer.cut_at:
                    outer.cut_at = None
                    self.cmd_channel.close()

        class base(handlers.FTPHandler):
            class dtp_handler(Cut, handlers.DTPHandler):
                pass

        if tls:
            class Data(Cut, handlers.TLS_DTPHandler):
                def readable(self):  # libcurl greets on the data connection before it says what is to be sent
                    return self._ssl_accepting or super().readable()

            class base(handlers.TLS_FTPHandler):
                certfile, keyfile, dtp_handler = None, None, Data

                def __init__(self, *args, **kwargs):
                    super().__init__(*args, **kwargs)
                    self.secure_connection(self.ssl_context)

        class Handler(base):
            def ftp_QUIT(self, line):
                if not mute_quit:
                    return super().ftp_QUIT(line)

        Handler.authorizer = authorizers.DummyAuthorizer()
        Handler.authorizer.add_user(*login, str(directory), perm="elradfmw")
        if tls:
            Handler.certfile, Handler.keyfile = map(str, tls)
            Handler.ssl_context = Handler.get_ssl_context()
            Handler.ssl_context.set_session_id(b"files")  # else a session that is taken up again is an error of the server's
        self.loop = ioloop.IOLoop()
        self.server = servers.FTPServer((host, 0), Handler, ioloop=self.loop)
        self.host, self.port = self.server.socket.getsockname()[:2]
        self.url = f"{'ftps' if tls else 'ftp'}://{':'.join(login)}@{self.host}:{self.port}/"
        self.ended = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended:
            self.loop.loop(timeout=0.05, blocking=False)
        self.server.close_all()

    def stop(self):
        self.ended = True
        self.thread.join(5)


class SftpFiles:
    def __init__(self, directory, host="127.0.0.1", login=("user", "secret-of-sftp")):
        import asyncssh
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        root = os.fsencode(str(directory))
        outer, self.cut_at = self, None

        class Files(asyncssh.SFTPServer):
            def write(self, file_obj, offset, data):
                written = super().write(file_obj, offset, data)
                if outer.cut_at and offset + len(data) >= outer.cut_at:
                    outer.cut_at = None
                    file_obj.flush()
                    self.channel.get_connection().abort()
                return written

        class Server(asyncssh.SSHServer):
            def begin_auth(self, username):
                return True

            def password_auth_supported(self):
                return True

            def validate_password(self, username, password):
                return (username, password) == login

        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

        async def serve():
            return await asyncssh.create_server(Server, host, 0, server_host_keys=[self.key],
                                                sftp_factory=lambda chan: Files(chan, chroot=root))
        self.server = asyncio.run_coroutine_threadsafe(serve(), self.loop).result(20)
        self.host, self.port = self.server.sockets[0].getsockname()[:2]
        self.url = f"sftp://{':'.join(login)}@{self.host}:{self.port}/"

    def known_hosts(self):
        kind, key = self.key.export_public_key().decode().split()[:2]
        return f"[{self.host}]:{self.port} {kind} {key}\n"

    def stop(self):
        async def shut():
            self.server.close()
            await self.server.wait_closed()
        asyncio.run_coroutine_threadsafe(shut(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
