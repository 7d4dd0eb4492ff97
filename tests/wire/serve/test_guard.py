"""The live page and those who mean harm, are slow, or are many."""

import http.client
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from conftest import LIMIT, Served
from screen import LAB, Serve

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


def ask(served: Served, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, str]:
    """Ask as no browser would; return the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=LIMIT)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    reply = connection.getresponse()
    said = (reply.status, reply.read().decode(errors="replace"))
    connection.close()
    return said


def test_it_listens_on_this_machine_alone(serve: Serve) -> None:
    served = serve(LAB)
    found = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True).stdout
    if f":{served.port}" not in found:  # ss is not everywhere
        found = Path("/proc/net/tcp").read_text()
        assert f"0100007F:{served.port:04X}" in found and f"00000000:{served.port:04X}" not in found
    else:
        assert f"127.0.0.1:{served.port}" in found and f"0.0.0.0:{served.port}" not in found


def test_another_address_is_warned_of(serve: Serve, tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "wire/wirezmq.py", f"--serve=0.0.0.0:{port}", str(LAB)]
    process = subprocess.Popen(command, cwd=LAB.parents[2], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    warning = "warning: whoever reaches 0.0.0.0 can read all that passes\n"
    assert process.stderr.readline() == warning
    assert process.stderr.readline().startswith(f"http://0.0.0.0:{port} plays ")
    process.terminate()
    assert process.wait(LIMIT) == 0


HOSTS = {
    "127.0.0.1:8080": True,
    "localhost": True,
    "[::1]:8080": True,
    "192.168.1.7:8080": True,  # a number is no name that could be turned on us
    "evil.example:8080": False,
    "127.0.0.1.evil.example": False,
    "localhost.evil.example": False,
    "": False,
    "127.0.0.1@evil.example": False,
}


def test_only_numbers_and_localhost_are_answered_to(serve: Serve) -> None:
    served = serve(LAB)
    for host, answered in HOSTS.items():
        for path in ("/", "/play", "/zmq.pcap", "/zmq.html", "/static/main.js", "/events"):
            code, said = ask(served, path, Host=host)
            assert (code == 421) == (not answered), (host, said)
            if not answered:
                assert said == "Ask for 127.0.0.1 or localhost: other names are not answered to."


def test_a_page_of_another_origin_reads_nothing(serve: Serve, browser: Browser) -> None:
    served, other = serve(LAB), serve(LAB)  # another port is another origin
    for path in ("/play", "/zmq.pcap", "/zmq.html", "/static/main.js"):
        for site in ("cross-site", "same-site"):
            headers = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "no-cors"}
            assert ask(served, path, **headers)[0] == 403
    context = browser.new_context(bypass_csp=True)  # a page of theirs has no policy of ours
    theirs = context.new_page()
    theirs.goto(other.url)
    read = theirs.evaluate(READ, served.url)
    assert read == ["rejected"] * 4
    framed = theirs.evaluate(
        """(url) => new Promise((done) => { const frame = document.createElement("iframe");
        frame.src = url; frame.onload = () => done(frame.contentDocument === null);
        document.body.append(frame) })""",
        served.url,
    )
    assert framed  # it shows an error of its own: no page of ours is in a frame of theirs
    context.close()


# Tries what a page may try on another origin: to fetch, an image, a script.
READ = """(url) => {
  const element = (kind, path) => new Promise((yes, no) => {
    const made = document.createElement(kind);
    made.onload = yes;
    made.onerror = () => no(kind);
    made.src = url + path;
    document.head.append(made);
  });
  return Promise.allSettled([
    fetch(url + "play").then((reply) => reply.text()),
    fetch(url + "zmq.pcap", { mode: "no-cors" }).then((reply) => reply.text()),
    element("img", "static/icon.svg"),
    element("script", "static/words.js"),
  ]).then((tried) => tried.map((one) => one.status));
}"""


def test_nothing_can_be_changed(serve: Serve) -> None:
    served = serve(LAB)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"):
        assert ask(served, "/", method) == (405, "Nothing can be changed here.")
    for path in (
        "/static/../run.py",
        "/static/%2e%2e/run.py",
        "/static//etc/passwd",
        "/etc/passwd",
    ):
        assert ask(served, path)[0] == 404
    for query in ("capture=-1", "capture=99", "packet=x", f"step={'9' * 500}", "packet=²"):
        assert ask(served, "/play?" + query.replace("²", "%C2%B2"))[0] == 200


def test_the_policy(serve: Serve) -> None:
    served = serve(LAB)
    for path in ("/", "/play", "/zmq.pcap", "/zmq.html", "/static/main.js", "/nowhere", "/events"):
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        connection.request("GET", path)
        reply = connection.getresponse()
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "connect-src 'self'" in policy and "*" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "frame-ancestors 'none'" in policy
        assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in reply.headers
        connection.close()
