"""A stand-in for the gateway's API on a Unix socket, for what no real gateway can be brought to in a test: thousands of stations, silence."""
import http.server
import json
import pathlib
import socketserver
import tempfile
import threading
import urllib.parse


def station(number, power=0.0, state="available"):
    evse = {"evse": 1, "state": state, "online": True, "status": "Available", "powerW": power, "currentA": power / 230, "limitA": 16.0}
    return {"id": f"CS-{number:04}", "vendor": "Maker", "model": "M1", "csms": "test", "link": "up", "registration": "Accepted",
            "messagesWaiting": 0, "eventsWaiting": 0, "evses": [evse], "attention": []}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.server.requests.append((url.path, query))
        if url.path == "/api/v1/stream":
            self.stream()
        elif url.path == "/api/v1/overview":
            self.answer({"version": "9.9", "time": "2026-01-31T12:00:00Z", "uptimeSeconds": 1})
        else:
            first, limit = int(query.get("offset", 0)), int(query.get("limit", 100))
            items = self.server.items
            self.answer({"items": items[first:first + min(limit, 1000)], "total": len(items), "offset": first, "limit": limit})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": still here\n\n")
        try:
            for number, event in enumerate(self.server.events()):
                type_ = "lost" if "from" in event else event.get("event", "station")
                self.wfile.write(f"id: {number + 1}\nevent: {type_}\ndata: {json.dumps(event)}\n\n".encode())
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True


class StandIn(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """`items` are what every list has; `events()` yields what is streamed, in its own time."""
    daemon_threads = True

    def __init__(self, items, events=lambda: iter(())):
        self.items, self.events, self.requests = items, events, []
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="api.")) / "api.sock"
        super().__init__(str(self.path), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
