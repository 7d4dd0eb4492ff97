"""What is run on each kind of system: Docker, rootless Docker, Podman, arm64 without an engine."""

from systems.machine import ROOT, Machine, on_this_machine
from systems.steps import EIGHT_STEPS, MORE, PAGE, SWARM

DOCKER = "docker compose --ansi never -f compose/zmq.yml"


def install(machine: Machine, *packages: str) -> None:
    """Install packages on a machine."""
    options = "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends"
    code, said = machine.run(f"apt-get -qq update && {options} {' '.join(packages)}", "root")
    if code:
        raise RuntimeError(said.strip().splitlines()[-1])


def steps(
    machine: Machine, table: list[tuple[str, str, str]], user: str = "student", **names: str
) -> None:
    """Try the steps of a table, in which $DC is the Compose of this machine."""
    given = {
        "TIMED": "timeout --foreground --preserve-status -s INT 8",
        "CAPTURE": "sudo tcpdump -ni br-zmq -w zmq.pcap",
        "WIRE": "$DC run --rm -T zmq-wire",
        "LIVE": "$WIRE",
        "PAGE": "docker compose --ansi never -f compose/live.yml",
        "ASK": "python3 -c 'from urllib.request import urlopen as ask; "
        'print(ask("http://127.0.0.1:8080/zmq.html").read().decode())\'',
        "RESCUE": "{ podman unpause --all >/dev/null; false; }",  # so that what follows is tried
    } | names
    for step, command, words in table:
        for name in sorted(given, key=len, reverse=True) * 2:  # twice: one may name another
            command = command.replace(f"${name}", given[name])
        machine.try_(step, command, words, user)


def docker(machine: Machine) -> None:
    """Docker: the lab from nothing, the eight steps, and the rest."""
    machine.try_("scripts/demo from nothing", "scripts/demo", "sudo -su student")
    if machine.rows[-1][1] != "works":
        return
    name_docker(machine)
    one = "scripts/test -n 0 -k test_up_again_changes_nothing"
    machine.try_("scripts/test, one of all", one, "1 passed")
    steps(machine, EIGHT_STEPS + PAGE + MORE, DC=DOCKER)
    machine.try_("swarm.yml on one node", SWARM, "WAKTU")


def name_docker(machine: Machine) -> None:
    """Note the versions of Docker and its Compose."""
    machine.engine = machine.run("docker version -f '{{.Server.Version}}'")[1].strip()
    machine.compose = machine.run("docker compose version --short")[1].strip()


def docker_rootless(machine: Machine) -> None:
    """Docker of a user without any right, whose bridge is in a network namespace of its own."""
    packages = "docker.io docker-cli docker-compose docker-buildx ca-certificates iptables"
    install(machine, *packages.split(), *"rootlesskit slirp4netns uidmap iproute2".split())
    machine.own_users()
    # Its start script is no command on Debian; a systemd would start it, and find its socket.
    rootless = "setsid /usr/share/docker.io/contrib/dockerd-rootless.sh >~/docker.log 2>&1 &"
    machine.run(f"PATH=$PATH:/usr/sbin:/sbin {rootless}")
    socket = "docker context create rootless --docker host=unix://$XDG_RUNTIME_DIR/docker.sock"
    machine.run(f"{socket}; docker context use rootless")
    up = "for i in {1..60}; do docker info 2>&1 | grep rootless && exit; sleep 1; done"
    machine.try_("the engine", f"{up}; cat ~/docker.log", "rootless")
    if machine.rows[-1][1] != "works":
        return
    machine.try_("scripts/demo", "scripts/demo", "zmq-wire -w zmq.pcap")
    name_docker(machine)
    inside = "nsenter -U --preserve-credentials -n -t $(cat $XDG_RUNTIME_DIR/docker.pid)"
    capture = f"{inside} tcpdump -Z root -ni br-zmq -w zmq.pcap"
    steps(machine, EIGHT_STEPS + PAGE + MORE, DC=DOCKER, CAPTURE=capture)


def podman(machine: Machine, user: str, *packages: str) -> None:
    """Podman, with the image and the clone from a pack of this machine."""
    install(machine, *"podman podman-docker catatonit netavark aardvark-dns nftables".split())
    install(machine, *"tcpdump iproute2 python3 passt uidmap fuse-overlayfs".split(), *packages)
    machine.own_users()
    machine.run("touch /etc/containers/nodocker", "root")
    version = "podman version -f '{{.Version}}'"
    machine.engine = f"Podman {machine.run(version, user)[1].strip()}"
    on_this_machine(str(ROOT / "scripts/pack"), cwd=machine.root / "srv")
    unpack = "cd .. && rm -rf praktikum-zmq && zmq/scripts/unpack /srv/praktikum-zmq-*.tar.gz"
    machine.try_("scripts/unpack", unpack, "The lab for", user)


def podman_root(machine: Machine) -> None:
    """Podman as root, with Docker's Compose at its socket."""
    podman(machine, "root", "docker-compose")
    serve = "mkdir -p /run/podman; setsid podman system service -t 0 >/var/log/podman.log 2>&1 &"
    machine.run(serve, "root")
    machine.compose = machine.run("docker-compose version --short", "root")[1].strip()
    steps(machine, EIGHT_STEPS + MORE, "root", DC="podman compose -f compose/zmq.yml")


def podman_compose(machine: Machine) -> None:
    """Podman as root, with podman-compose."""
    podman(machine, "root", "podman-compose")
    steps(machine, EIGHT_STEPS + MORE, "root", **podman_composes(machine))


def podman_composes(machine: Machine) -> dict[str, str]:
    """Return how podman-compose is typed, which starts zmq-wire by its profile alone."""
    version = machine.run("podman-compose version --short")[1].strip()
    machine.compose = f"podman-compose {version}"
    dc = "podman-compose -f compose/zmq.yml"
    return {"DC": dc, "WIRE": f"{dc} --profile wire run --rm -T zmq-wire"}


def podman_rootless(machine: Machine) -> None:
    """Podman of a user without any right, whose bridge is in a network namespace of its own."""
    podman(machine, "student", "podman-compose")
    inside = "podman unshare --rootless-netns"
    names = podman_composes(machine) | {
        "CAPTURE": f"{inside} tcpdump -Z root -ni br-zmq -w zmq.pcap",
        "LIVE": f"{inside} python3 wire/wirezmq.py --live",
    }
    steps(machine, EIGHT_STEPS, **names)
    steps(
        machine,
        [("live in a container says what helps", "! $WIRE", "podman unshare --rootless-netns")],
        **names,
    )
    steps(machine, MORE, **names)


def arm64(machine: Machine) -> None:
    """The requirements, the six scripts, and zmq-wire, without an engine."""
    install(machine, "python3-venv", "ca-certificates")
    machine.engine = f"none, {machine.run('uname -m')[1].strip()}"
    table = [
        (
            "requirements",
            "python3 -m venv ~/venv && ~/venv/bin/pip install --require-hashes -r "
            "compose/requirements.txt",
            "Successfully installed",
        ),
        (
            "REQ-REP",
            "$AT:5555 $TIMED rep/serverzmq.py & $AT:5555 $PYTHON req/clientzmq.py satu",
            "Received: satu",
        ),
        ("PUB-SUB", "$AT:5556 $TIMED pub/pubzmq.py & $AT:5556 $TIMED sub/subzmq.py", "WAKTU "),
        ("PUSH-PULL", "$AT:5557 $TIMED push/pushzmq.py & $AT:5557 $TIMED pull/pullzmq.py", " done"),
        ("story", "$WIRE", "request"),
        ("--check", "$WIRE --check", "13 of 13 found"),
        ("page", "$WIRE --html ~/zmq.html && cat ~/zmq.html", "<svg"),
        ("pcapng", "$WIRE --pcapng ~/told.pcapng && grep -a request ~/told.pcapng", "request"),
    ]  # fmt: skip
    python = "~/venv/bin/python -u"
    names = {
        "AT": "env ZMQ_ENDPOINT=tcp://127.0.0.1",
        "PYTHON": python,
        "TIMED": f"timeout --foreground --preserve-status -s INT 30 {python}",
        "WIRE": f"{python} wire/wirezmq.py tests/captures/lab.pcap",
    }
    steps(machine, table, **names)
