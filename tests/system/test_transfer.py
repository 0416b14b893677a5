"""File transfers against other people's servers, and what can go wrong on the way."""
import os
import pathlib
import resource
import subprocess
import time

import file_servers as servers
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE = pathlib.Path(os.environ.get("BUILD", ROOT / "build/asan")) / "transfer_probe"
DATA = bytes(range(256)) * 4000


def probe(*args, limit=None, seconds=40, environment=None):
    """(first word, bytes, text) of each end."""
    def prepare():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    done = subprocess.run([str(PROBE), *map(str, args)], capture_output=True, text=True, timeout=seconds,
                          preexec_fn=prepare if limit else None, env={**os.environ, **(environment or {})})
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    return [line.split(" ", 2) for line in lines[:-1]], int(lines[-1].split()[1]), done.stderr


def end(*args, **options):
    return probe(*args, **options)[0][0][0]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served/image.bin").write_bytes(DATA)
    return tmp_path


@pytest.fixture
def http(place):
    server = servers.HttpFiles(place / "served")
    yield server
    server.stop()


@pytest.fixture(params=["http", "https", "ftp", "ftps", "sftp"])
def peer(request, place):
    tls = servers.make_certificate(place) if request.param in ("https", "ftps") else None
    server = (servers.HttpFiles(place / "served", tls=tls, login=("user", "secret-of-http")) if "http" in request.param
              else servers.SftpFiles(place / "served") if request.param == "sftp" else servers.FtpFiles(place / "served", tls=tls))
    server.options = [f"ca={tls[0]}"] if tls else []
    yield server
    server.stop()


def test_a_file_comes_and_goes_by_each_protocol(peer, place):
    got = place / "got"
    ends, _, _ = probe("get", peer.url + "image.bin", got, *peer.options)
    assert ends == [["ok", str(len(DATA)), "complete"]]
    assert got.read_bytes() == DATA and got.stat().st_mode & 0o777 == 0o600

    ends, _, _ = probe("put", peer.url, got, "name=a log.gz", *peer.options)
    assert ends == [["ok", str(len(DATA)), "complete"]]
    assert (place / "served/a log.gz").read_bytes() == DATA


@pytest.mark.parametrize("status", [405, 501])
def test_a_server_that_takes_forms_only_gets_one(place, status):   # N01.FR.19
    server = servers.HttpFiles(place / "served", login=("user", "secret-of-http"))
    (place / "log").write_bytes(DATA)
    for path, put in (("", "/a log.gz"), ("upload.php?station=1", "/upload.php")):
        server.faults = {f"PUT {put}": status}
        assert end("put", server.url + path, place / "log", "name=a log.gz") == "ok"
        assert (place / "served/a log.gz").read_bytes() == DATA
        (place / "served/a log.gz").unlink()
        assert server.forms.pop() == ("/" + path.split("?")[0], "application/octet-stream",
                                      'form-data; name="uploadfile"; filename="a log.gz"')
        server.faults["/" + path.split("?")[0]] = 403
        assert end("put", server.url + path, place / "log", "name=a log.gz") == "EACCES"
    server.faults = {put: status}                        # nor forms
    assert end("put", server.url + path, place / "log", "name=a log.gz") == "EOPNOTSUPP"
    server.stop()


def test_a_url_of_a_host_only_is_a_directory(peer, place):
    (place / "log").write_bytes(DATA)
    assert end("put", peer.url.rstrip("/"), place / "log", "name=log.gz", *peer.options) == "ok"
    assert (place / "served/log.gz").read_bytes() == DATA


@pytest.mark.parametrize("kind", ["ftp", "ftps", "sftp"])
def test_an_upload_that_is_cut_off_is_taken_up_where_it_stopped(place, kind):
    tls = servers.make_certificate(place) if kind == "ftps" else None
    server = servers.SftpFiles(place / "served") if kind == "sftp" else servers.FtpFiles(place / "served", tls=tls)
    (place / "log").write_bytes(DATA)
    server.cut_at = len(DATA) // 2
    ends, _, log = probe("put", server.url, place / "log", "name=log.gz", *([f"ca={tls[0]}"] if tls else []))
    assert ends[0][0] == "ok" and "taken up again" in log, (ends, log)
    assert (place / "served/log.gz").read_bytes() == DATA
    server.stop()


def test_a_wrong_login_and_a_missing_file_are_told_apart(peer, place):
    got = place / "got"
    wrong = peer.url.replace("secret", "secret-wrong", 1) + "image.bin"
    assert end("get", wrong, got, *peer.options) == "EACCES"
    assert not got.exists()
    assert end("get", peer.url + "none.bin", got, *peer.options) == "ENOENT"
    assert not got.exists()


def test_what_is_untrusted_is_not_loaded(place):
    tls = servers.make_certificate(place)
    for server in (servers.HttpFiles(place / "served", tls=tls), servers.FtpFiles(place / "served", tls=tls)):
        assert end("get", server.url + "image.bin", place / "got") == "EKEYREJECTED"
        assert end("put", server.url, place / "served/image.bin", "name=x") == "EKEYREJECTED"
        server.stop()


def test_a_name_that_is_not_in_the_certificate_is_not_trusted(place):
    tls = servers.make_certificate(place, host="127.0.0.9")
    server = servers.HttpFiles(place / "served", tls=tls)
    assert end("get", server.url + "image.bin", place / "got", f"ca={tls[0]}") == "EKEYREJECTED"
    server.stop()


def test_an_sftp_servers_key_must_be_the_known_one_where_keys_are_known(place):
    server, other = servers.SftpFiles(place / "served"), servers.SftpFiles(place / "served")
    hosts = place / "known_hosts"
    hosts.write_text(server.known_hosts())
    assert end("get", server.url + "image.bin", place / "got", f"hosts={hosts}") == "ok"
    hosts.write_text(other.known_hosts().replace(str(other.port), str(server.port)))
    assert end("get", server.url + "image.bin", place / "got", f"hosts={hosts}") == "EKEYREJECTED"
    hosts.write_text("")
    assert end("get", server.url + "image.bin", place / "got", f"hosts={hosts}") == "EKEYREJECTED"
    _, _, log = probe("get", server.url + "image.bin", place / "got")
    assert "fingerprint=SHA256:" in log
    server.stop()
    other.stop()


def test_what_breaks_on_the_way_is_told_and_leaves_nothing(http, place):
    got = place / "got"
    for fault, name in (("cut", "ECONNRESET"), ("stall", "ETIMEDOUT"), (403, "EACCES"), (404, "ENOENT"), (500, "EIO"), (507, "ENOSPC"),
                        ("endless", "EFBIG")):
        http.faults["/image.bin"] = fault
        assert end("get", http.url + "image.bin", got, "idle=600", "max=3000000") == name, fault
        assert not got.exists()
    for fault, name in (("cut", ("ECONNRESET", "EIO")), ("stall", ("ETIMEDOUT",)), (403, ("EACCES",)), (413, ("EFBIG",))):
        http.faults["/x"] = fault
        assert end("put", http.url, place / "served/image.bin", "name=x", "idle=600") in name, fault


def test_a_server_that_is_not_there_is_refused(place):
    port = servers.free_port("127.0.0.1")
    for scheme in ("http", "https", "ftp", "ftps", "sftp"):
        assert end("get", f"{scheme}://127.0.0.1:{port}/x", place / "got") == "ECONNREFUSED"


def test_a_name_that_is_none_is_told(place):
    assert end("get", "http://no-such-host.invalid/x", place / "got", "idle=2000") in ("EHOSTUNREACH", "ETIMEDOUT")


def test_a_server_that_says_nothing_is_given_up(place):
    import socket
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    for scheme in ("http", "https", "ftp", "ftps", "sftp"):
        assert end("get", f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/x", place / "got", "idle=500") == "ETIMEDOUT"
    silent.close()


def test_a_file_that_is_too_long_is_broken_off(peer, place):
    assert end("get", peer.url + "image.bin", place / "got", "max=1000", *peer.options) == "EFBIG"
    assert not (place / "got").exists()
    assert end("get", peer.url + "image.bin", place / "got", f"max={len(DATA)}", *peer.options) == "ok"


def test_a_full_disk_is_told(http, place):
    assert end("get", http.url + "image.bin", place / "got", limit=100000) == "EFBIG"
    assert not (place / "got").exists()


def test_only_plain_files_are_written(http, place):
    assert end("get", http.url + "image.bin", "/dev/full") == "refused"
    assert pathlib.Path("/dev/full").is_char_device()
    link = place / "link"
    link.symlink_to(place / "elsewhere")
    assert end("get", http.url + "image.bin", link) == "refused"
    assert end("get", http.url + "image.bin", place / "none/got") == "refused"
    assert end("put", http.url + "x", place / "none") == "refused"


@pytest.mark.parametrize("url", ["", "x", "file:///etc/passwd", "gopher://127.0.0.1/", "scp://127.0.0.1/x", "http://", "http:///x",
                                 "http://h/a b", "http://h/\n", "http://h:99999/", "http://h/" + "x" * 512])
def test_what_is_no_url_is_not_tried(url, place):
    assert probe("get", url, place / "got")[0] == [["refused", "EINVAL"]]
    assert not (place / "got").exists()


def test_redirects_end_and_lead_to_http_only(http, place):
    http.faults["/there"] = ("redirect", http.url + "image.bin")
    assert end("get", http.url + "there", place / "got") == "ok"
    http.faults["/round"] = ("redirect", http.url + "round")
    assert end("get", http.url + "round", place / "got") == "ELOOP"
    http.faults["/file"] = ("redirect", "file:///etc/passwd")
    assert end("get", http.url + "file", place / "got") == "EPROTONOSUPPORT"
    tls = servers.make_certificate(place)
    secure = servers.HttpFiles(place / "served", tls=tls)
    secure.faults["/down"] = ("redirect", http.url + "image.bin")
    assert end("get", secure.url + "down", place / "got", f"ca={tls[0]}") == "EPROTONOSUPPORT"
    secure.stop()


def test_the_environment_offers_no_proxy(http, place):
    elsewhere = {"http_proxy": "http://127.0.0.1:1/", "all_proxy": "http://127.0.0.1:1/"}
    assert end("get", http.url + "image.bin", place / "got", environment=elsewhere) == "ok"


def test_a_transfer_that_is_broken_off_leaves_nothing(http, place):
    http.faults["/image.bin"] = "stall"
    before = time.monotonic()
    ends, _, _ = probe("get", http.url + "image.bin", place / "got", "cancel=300", "count=8", "idle=60000")
    assert ends == [["cancelled"]]
    assert time.monotonic() - before < 8
    assert not list(place.glob("got*"))


def test_many_wait_for_their_turn(http, place):
    ends, _, _ = probe("get", http.url + "image.bin", place / "got", "count=20")
    assert [e[0] for e in ends] == ["ok"] * 20
    assert len(list(place.glob("got*"))) == 20


def test_a_server_that_does_not_say_goodbye_keeps_nobody_waiting(place):
    server = servers.FtpFiles(place / "served", mute_quit=True)
    before = time.monotonic()
    ends, turns, _ = probe("get", server.url + "image.bin", place / "got", "idle=1000")
    assert ends[0][0] == "ok"
    assert turns > (time.monotonic() - before) * 100 / 3, "the loop was kept waiting"
    server.stop()
