"""What a clumsy classroom does: other rights, other paths, other files, and two labs at once."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pexpect
import pytest

from command import WIRE, wirezmq
from conftest import (
    BRIDGE,
    COMPOSE,
    LIMIT,
    PROJECT,
    ROOT,
    Served,
    compose,
    press_ctrl_c,
    run,
    wait_for,
)
from dockerd import Engine, engine
from wire_packets import CAPTURES, Talk, ethernet, pcap

BESIDE = os.environ | {"COMPOSE_PROJECT_NAME": f"{PROJECT}-b", "ZMQ_BRIDGE": f"{BRIDGE}-b"}


def clone_to(repository: Path, folder: Path, *options: str, **how: Any) -> Path:
    """Clone the project, with the scripts as they are now; it knows the base image."""
    done = run("git", *options, "clone", "-q", str(repository), str(folder), **how)
    assert done.returncode == 0, done.stderr
    shutil.copytree(ROOT / "scripts", folder / "scripts", dirs_exist_ok=True)
    if (ROOT / "compose/.env").exists():
        shutil.copy(ROOT / "compose/.env", folder / "compose")
    return folder


def says(line: str, *command: str | Path, **how: Any) -> None:
    """Require that a command ends with 1, and that this line is all it says."""
    done = run(*map(str, command), **how)
    said = done.stderr.removeprefix("setup: all is there\n")
    assert (said, done.returncode) == (f"{line}\n", 1)


# --- clones --------------------------------------------------------------------------------------


def test_a_clone_as_git_for_windows_makes_it(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "zmq"
    done = run("git", "-c", "core.autocrlf=true", "clone", "-q", str(repository), str(clone))
    assert done.returncode == 0, done.stderr
    listed = run("git", "-C", str(clone), "ls-files", "--eol").stdout.splitlines()
    assert {line.split()[1] for line in listed} <= {"w/lf", "w/none", "w/-text"}
    for binary in [*(ROOT / "img").glob("*.png"), *CAPTURES.glob("*.pcap")]:
        assert (clone / binary.relative_to(ROOT)).read_bytes() == binary.read_bytes()
    says("unpack: which pack? 'unpack praktikum-zmq-amd64.tar.gz', say", clone / "scripts/unpack")


@pytest.mark.parametrize("script", ["demo", "test"])
def test_a_clone_under_a_tight_umask(
    script: str, repository: Path, tmp_path: Path, lab: None
) -> None:
    clone = clone_to(repository, tmp_path / "zmq", umask=0o077)
    command = f"chmod -R a+rX {clone}"
    says(
        f"ready: the containers cannot read {clone}/rep: type '{command}'",
        clone / "scripts" / script,
        env=BESIDE,
    )
    run(*command.split())
    assert run(str(clone / "scripts/ready"), env=BESIDE).stderr == ""


@pytest.mark.parametrize("script", ["demo", "test"])
def test_a_clone_in_a_path_with_a_colon(
    script: str, repository: Path, tmp_path: Path, lab: None
) -> None:
    clone = clone_to(repository, tmp_path / "a:b")
    says(
        f"ready: Docker mounts no folder with a colon in its path, as in {clone}: rename it",
        clone / "scripts" / script,
        cwd=clone,
    )


@pytest.mark.parametrize(
    ("script", "same"), [("demo", False), ("test", True)], ids=["second clone", "symlink"]
)
def test_the_lab_of_another_path_is_left_alone(
    script: str, same: bool, repository: Path, tmp_path: Path, lab: None
) -> None:
    """To Compose the same clone through a symlink is another, whose containers differ."""
    other = tmp_path / "zmq"
    if same:
        other.symlink_to(ROOT)
    else:
        clone_to(repository, other)
    running = compose("ps", "-q").stdout
    says(
        f"ready: a lab {PROJECT} is up already, of {ROOT}/compose/zmq.yml: end it with "
        f"'docker compose -p {PROJECT} down', or name ours otherwise: "
        "'export COMPOSE_PROJECT_NAME=second ZMQ_BRIDGE=br-second'",
        other / "scripts" / script,
        cwd=other,
        env=os.environ | {"PWD": str(other)},
    )
    assert compose("ps", "-q").stdout == running
    assert run("scripts/ready").stderr == ""


# --- rights, and what setup finds ----------------------------------------------------------------


@pytest.fixture
def theirs(repository: Path, lab: None) -> Iterator[Path]:
    """A clone that anyone may read."""
    folder = Path(run("mktemp", "-d", "-p", "/var/tmp").stdout.strip())
    yield clone_to(repository, folder / "zmq")
    shutil.rmtree(folder)


def as_nobody(clone: Path, *groups: str) -> subprocess.CompletedProcess[str]:
    """Run setup as a user without sudo, whose PATH has no sbin, as on Debian."""
    clone.parent.chmod(0o755)
    user = ["sudo", "setpriv", "--reuid", "nobody", "--regid", "nogroup", *groups]
    return run(*user, "env", "-i", "PATH=/usr/bin:/bin", str(clone / "scripts/setup"))


def test_no_sudo_and_not_in_the_group(theirs: Path) -> None:
    done = as_nobody(theirs, "--clear-groups")
    assert done.stderr == (
        "setup: nobody is neither root nor may use sudo: ask whoever looks after this machine "
        "for the right to use its engine: usermod -aG docker nobody, then log in again\n"
    )
    assert (done.returncode, done.stdout) == (1, "")


def test_no_sudo_but_in_the_group(theirs: Path) -> None:
    done = as_nobody(theirs, "--groups", "docker")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "setup: all is there\n")


def setup_on(folder: Path, system: str, docker: str = "", candidate: str = "(none)") -> str:
    """Run setup on another system, where what apt-get installs is not there; return what it says.

    `system` is its /etc/os-release; `docker` is a shell script that stands for docker, if any is.
    """
    stubs = {
        "apt-get": f'case "$*" in *install*) exit {int(not docker)} ;; esac',
        "apt-cache": f"echo '  Candidate: {candidate}'",
        "docker": docker,
    }
    for name, script in stubs.items():
        if script:
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
    (folder / "os-release").write_text(system)
    container = f"docker run --rm --network none -v {ROOT}:/zmq:ro -v {folder}:/stubs:ro"
    container += f" -v {folder}/os-release:/etc/os-release:ro praktikum-zmq"
    done = run(*container.split(), "sh", "-c", "PATH=/stubs:$PATH exec bash /zmq/scripts/setup")
    return done.stdout + done.stderr


def test_setup_on_debian_testing(lab: None, tmp_path: Path) -> None:
    system = 'ID=debian\nVERSION_CODENAME=forky\nPRETTY_NAME="Debian GNU/Linux forky/sid"\n'
    said = setup_on(tmp_path, system, candidate="28.5.2")
    packages = "docker.io iptables ca-certificates docker-compose docker-buildx docker-cli"
    assert said.endswith(f" {packages}' failed\n")


def test_setup_on_ubuntu_without_updates(lab: None, tmp_path: Path) -> None:
    said = setup_on(tmp_path, "ID=ubuntu\nVERSION_ID=24.04\n")
    packages = "docker.io iptables ca-certificates docker-compose-v2 docker-buildx"
    assert said.endswith(f" {packages}' failed\n")


@pytest.mark.parametrize(("version", "old"), [("2.40.3", True), ("2.26.1-4", False)])
def test_setup_with_an_old_buildx(lab: None, version: str, old: bool, tmp_path: Path) -> None:
    docker = (
        f'case "$*" in "compose version --short") echo {version} ;;'
        ' "buildx version") echo "github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3" ;; esac'
    )
    said = setup_on(tmp_path, "ID=debian\nVERSION_ID=13\n", docker)
    assert ("docker-buildx" in said) == old
    wants = "setup: Compose 2.40.3 wants buildx 0.17 or later, and this is 0.13: "
    assert (f"{wants}install a newer one from where Compose came\n" in said) == old


def test_setup_without_a_registry_and_without_an_archive(lab: None, tmp_path: Path) -> None:
    docker = (
        'case "$*" in pull*|"image inspect"*) exit 1 ;; import*) cat ;;'
        ' "compose version --short") echo 2.40.3 ;; "buildx version") echo "buildx v0.29.1" ;; esac'
    )
    for fails in "mmdebstrap", "unshare":
        (tmp_path / fails).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / fails).chmod(0o755)
    said = setup_on(tmp_path, "ID=debian\nVERSION_ID=13\n", docker)
    assert "setup: no registry gives python:3.13-slim-trixie: a Debian 13 " in said
    assert re.search(r"\nsetup: no stand-in could be made: /tmp/\S+ says why\n$", said)


def test_engines_knows_no_other_systems() -> None:
    done = run("scripts/dev/engines", "windows")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("engines: which of debian12, debian13, ubuntu24.04, ")


# --- files ---------------------------------------------------------------------------------------


def test_the_container_sees_one_folder_only(lab: None, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(CAPTURES / "lab.pcap", tmp_path)
    (here / "link.pcap").symlink_to(tmp_path / "lab.pcap")
    (here / "folder").mkdir()
    asked = ["../lab.pcap", str(tmp_path / "lab.pcap"), "link.pcap", "none.pcap", "folder"]
    wire = ["docker", "compose", "-f", f"{ROOT}/compose/zmq.yml", "run", "--rm", "-T", "zmq-wire"]
    how: Any = {"cwd": here, "env": os.environ | {"PWD": str(here)}}
    done = run(*wire, *asked, **how)
    one = "zmq-wire sees only the folder where you stand: go to that of the file, or copy it"
    wrong = [one, one, one, "No such file or directory", "a folder, not a file"]
    lines = [f"wirezmq.py: {path}: {why}" for path, why in zip(asked, wrong, strict=True)]
    assert done.stderr.splitlines()[-5:] == lines
    assert (done.returncode, done.stdout) == (2, "")
    shutil.copy(CAPTURES / "lab.pcap", here)
    done = run(*wire, "lab.pcap", "--html", "../x.html", **how)
    assert done.stderr.splitlines()[-1] == f"wirezmq.py: ../x.html: not written: {one}"
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ((ROOT / "img/image1.png").read_bytes(), "a picture, not a capture"),
        (b"\xff\xd8\xff\xe0JFIF", "a picture, not a capture"),
        ("<html>Menangkap paket – ".encode() * 99, "a text, not a capture"),
        (b"%PDF-1.7", "a PDF document, not a capture"),
        (b"PK\3\4 docx", "a zip archive or a document, not a capture"),
        (b"\x28\xb5\x2f\xfd\0", "compressed with zstd: unpack it first, with 'zstd -d'"),
        (b"\x04\x22\x4d\x18\0", "compressed with lz4: unpack it first, with 'lz4 -d'"),
        (gzip.compress(b"Hello", mtime=0), "not a capture (neither pcap nor pcapng)"),
    ],
)
def test_what_is_no_capture_is_called_what_it_is(content: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(content)
    done = wirezmq("x.pcap", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"wirezmq.py: x.pcap: {kind}\n"


def test_what_is_missing_is_asked_of_the_script(tmp_path: Path) -> None:
    """The containers run all the time: it is the script in them that has to be started."""
    (tmp_path / "req.pcap").write_bytes(Talk().shake().capture)
    done = wirezmq("req.pcap", "--check", cwd=tmp_path)
    for script in "subzmq.py", "pullzmq.py":
        assert f"was {script} started while the capture ran?" in done.stdout
    assert done.returncode == 1
    (tmp_path / "web.pcap").write_bytes(pcap([ethernet(b"")] * 3))
    done = wirezmq("web.pcap", "--check", cwd=tmp_path)
    assert "started while the capture ran" not in done.stdout  # it is of another bridge
    assert f"no ZMTP in its 3 packets: was it captured on {BRIDGE}?" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize("option", ["--html", "--pcapng"])
@pytest.mark.parametrize(
    ("place", "why"),
    [("none/x", "No such file or directory"), (".", "a folder, not a file")],
)
def test_a_place_that_cannot_be_written(option: str, place: str, why: str) -> None:
    done = wirezmq("lab.pcap", option, place)
    assert done.stderr == f"wirezmq.py: {place}: not written: {why}\n"
    assert (done.returncode, done.stdout) == (2, "")


# --- compressed captures -------------------------------------------------------------------------


def test_a_compressed_capture_is_read_as_it_is(tmp_path: Path) -> None:
    told = tmp_path / "lab.pcapng"
    assert wirezmq("lab.pcap", "--pcapng", told).returncode == 0
    for path in CAPTURES / "lab.pcap", told:
        packed = tmp_path / f"{path.name}.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        same = wirezmq(path, cwd=tmp_path).stdout.replace(str(path), packed.name)
        assert "70 packets" in same and wirezmq(packed.name, cwd=tmp_path).stdout == same
        assert wirezmq(packed.name, "--pcapng", "again", cwd=tmp_path).returncode == 0
        assert wirezmq("again", cwd=tmp_path).stdout == same.replace(packed.name, "again")
        with packed.open("rb") as pipe:
            assert wirezmq("-", stdin=pipe).stdout == same.replace(packed.name, "-")


def test_a_compressed_capture_on_the_live_page(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    (tmp_path / "lab.gz").write_bytes(gzip.compress((CAPTURES / "lab.pcap").read_bytes()))
    served = serve("lab.gz")
    for part in "zmq.html", "play":
        assert b"WAKTU Mon" in urlopen(served.url + part).read()


def test_a_damaged_compressed_capture_is_told_as_far_as_it_goes(tmp_path: Path) -> None:
    data = gzip.compress((CAPTURES / "lab.pcap").read_bytes())
    (tmp_path / "cut.gz").write_bytes(data[:-200])
    done = wirezmq("cut.gz", cwd=tmp_path)
    assert done.stderr == "wirezmq.py: cut.gz: cut short: its gzip data have no end\n"
    assert done.returncode == 2 and 'request "Hello"' in done.stdout
    (tmp_path / "bad.gz").write_bytes(data[:-8] + b"\0\0\0\0" + data[-4:])
    done = wirezmq("bad.gz", "--html", "x.html", "--pcapng", "x.pcapng", cwd=tmp_path)
    *files, wrong = done.stderr.splitlines()
    assert files == ["x.html: written, for a browser", "x.pcapng: written, for Wireshark"]
    assert wrong == "wirezmq.py: bad.gz: its gzip data are damaged"
    assert done.returncode == 2 and "Hello" in (tmp_path / "x.html").read_text()


def test_a_compressed_capture_that_unpacks_to_much_takes_little_memory(tmp_path: Path) -> None:
    packets = [ethernet(bytes(1 << 23))] * 4
    with gzip.open(tmp_path / "large.pcap.gz", "wb", 1) as file:
        head = pcap([])
        file.write(head)
        for _ in range(10):
            file.write(pcap(packets)[len(head) :])  # 320 MB in all
    script = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    command = [sys.executable, "-c", script, sys.executable, str(WIRE), "large.pcap.gz"]
    done = run(*command, cwd=tmp_path)
    assert "no ZMTP in its 40 packets" in done.stderr
    assert int(done.stdout.split()[-1]) < 100  # MB


# --- several labs, and an engine elsewhere -------------------------------------------------------


def test_two_labs_at_once(lab: None, tmp_path: Path) -> None:
    """One beside the other, from the same clone: each has its containers, bridge and capture."""
    try:
        up = run(*COMPOSE, "up", "-d", env=BESIDE)
        assert up.returncode == 0, up.stderr
        bridges = run("ip", "-brief", "link", "show", "type", "bridge").stdout
        assert {BRIDGE, f"{BRIDGE}-b"} <= {line.split()[0] for line in bridges.splitlines()}
        how: Any = {"env": BESIDE | {"PWD": str(tmp_path)}, "cwd": str(tmp_path)}
        wire = f"docker compose -f {ROOT}/compose/zmq.yml run --rm zmq-wire -w b.pcap"
        live = pexpect.spawn(wire, encoding="utf-8", timeout=LIMIT, **how)
        live.expect(f"live from {BRIDGE}-b, Ctrl-C ends it")
        for text, how in ("to the first", {}), ("to the second", {"env": BESIDE}):
            ask = ["exec", "-T", "zmq-req", "python", "clientzmq.py", text]
            wait_for(lambda ask=ask, how=how: "Reply" in run(*COMPOSE, *ask, **how).stdout)  # type: ignore[misc]
        live.expect('request "to the second"')
        live.sendintr()
        live.expect(pexpect.EOF)
        told = wirezmq("b.pcap", cwd=tmp_path).stdout
        assert "to the second" in told and "to the first" not in told
        logs = run(*COMPOSE, "logs", "zmq-rep", env=BESIDE).stdout
        assert "to the second" in logs and "to the first" not in logs
        assert "to the second" not in compose("logs", "zmq-rep").stdout
    finally:
        run(*COMPOSE, "down", env=BESIDE)
    assert len(compose("ps", "-q").stdout.split()) == 6


@pytest.fixture(scope="module")
def desktop(loaded: Path) -> Iterator[Engine]:
    """An engine behind another network, as Docker Desktop is: the files are the user's own."""
    with engine(f"{PROJECT}-desktop", loaded) as started:
        yield started


def live_page_on(desktop: Engine, dc: list[str], how: Any) -> None:
    """Have the lab live by the port that compose/live.yml publishes, then the capture played."""
    page = [*dc[:-1], f"{ROOT}/compose/live.yml"]
    get = ["sudo", "ip", "netns", "exec", desktop.name, "curl", "-s"]  # where Desktop's port leads
    live = pexpect.spawn(" ".join([*page, "up"]), encoding="utf-8", timeout=LIMIT, **how)
    live.expect(f"http://127.0.0.1:8080 shows {how['env']['ZMQ_BRIDGE']} live, Ctrl-C ends it")
    ask = ["exec", "-T", "zmq-req", "python", "clientzmq.py", "to the page"]
    wait_for(lambda: "Reply" in run(*dc, *ask, **how).stdout)
    wait_for(lambda: "to the page" in run(*get, "http://127.0.0.1:8080/zmq.html").stdout)
    press_ctrl_c(live)
    live.expect(pexpect.EOF)
    command = [*page, "run", "--rm", "-P", "page", "zmq.pcap"]
    played = pexpect.spawn(" ".join(command), encoding="utf-8", timeout=LIMIT, **how)
    played.expect("http://127.0.0.1:8080 plays zmq.pcap, Ctrl-C ends it")
    assert "dari desktop" in run(*get, "http://127.0.0.1:8080/zmq.html").stdout
    press_ctrl_c(played)
    played.expect("ended")
    played.expect(pexpect.EOF)
    assert run(*page, "down", **how).returncode == 0


def test_what_users_of_docker_desktop_type(desktop: Engine, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # the page is nobody
    bridge = f"{BRIDGE}-d"
    env = os.environ | {"DOCKER_HOST": desktop.host, "ZMQ_BRIDGE": bridge, "PWD": str(tmp_path)}
    how: Any = {"env": env, "cwd": str(tmp_path)}
    dc = ["docker", "compose", "--ansi", "never", "-f", f"{ROOT}/compose/zmq.yml"]
    try:
        assert run(*dc, "up", "-d", **how).returncode == 0
        assert bridge not in run("ip", "a").stdout
        live = pexpect.spawn(
            " ".join([*dc, "run --rm zmq-wire -w zmq.pcap"]), encoding="utf-8", timeout=LIMIT, **how
        )
        live.expect(f"live from {bridge}, Ctrl-C ends it")
        ask = ["exec", "-T", "zmq-req", "python", "clientzmq.py", "dari desktop"]
        wait_for(lambda: "Reply" in run(*dc, *ask, **how).stdout)
        live.expect('request "dari desktop"')
        live.sendintr()
        live.expect("packets")
        live.expect(pexpect.EOF)
        wire = [*dc, "run", "--rm", "-T", "zmq-wire", "zmq.pcap"]
        assert 'request "dari desktop"' in run(*wire, **how).stdout
        assert run(*wire, "--html", "zmq.html", **how).returncode == 0
        assert "dari desktop" in (tmp_path / "zmq.html").read_text()
        live_page_on(desktop, dc, how)
    finally:
        run(*dc, "down", **how)


def test_demo_captures_where_the_bridge_is(desktop: Engine, tmp_path: Path) -> None:
    """With Docker Desktop and rootless Docker no tcpdump on this machine finds it."""
    bridge = f"{BRIDGE}-e"
    env = os.environ | {"DOCKER_HOST": desktop.host, "ZMQ_BRIDGE": bridge}
    base = compose("config", "--format", "json").stdout
    args = json.loads(base)["services"]["zmq-rep"]["build"]["args"]
    desktop.docker("tag", "praktikum-zmq", args["BASE"])  # or setup would make it
    try:
        done = run(str(ROOT / "scripts/demo"), cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        instead = f"the bridge {bridge} is not on this machine: capture where it is, by zmq-wire -w"
        for words in instead, f"\nlive from {bridge}, ", "14 of 14 found", f"{tmp_path}/zmq.pcap":
            assert words in done.stdout
        assert (tmp_path / "zmq.pcap").exists() and (tmp_path / "zmq.html").exists()
    finally:
        run(*COMPOSE, "down", env=env)


def test_live_before_the_lab_is_up(tmp_path: Path) -> None:
    """Compose before 2.4x makes the network even then, and zmq-wire waits; else it ends."""
    dc = [*COMPOSE, "run", "--rm", "zmq-wire"]
    try:
        live = pexpect.spawn(
            " ".join(dc), cwd=str(ROOT), env=BESIDE, encoding="utf-8", timeout=LIMIT
        )
        waits = live.expect(
            [
                rf"{BRIDGE}-b: no such interface: .*'docker compose -f compose/zmq.yml up -d'",
                rf"live from {BRIDGE}-b.*no container is on it: waiting for the lab to come up",
            ]
        )
        if waits:
            live.sendintr()
        live.expect(pexpect.EOF)
        live.close()
        assert live.exitstatus == (0 if waits else 2)
    finally:
        run(*COMPOSE, "down", env=BESIDE)
