"""What is typed on a system: the step's name, the command, and what it should say."""

EIGHT_STEPS = [  # what the handout has a student type: name, command, what it should say
    ("1 up", "$DC up -d && $DC exec -T zmq-rep cat /app/serverzmq.py", "import zmq"),
    (
        "3 capture",
        "$CAPTURE >tcpdump.log 2>&1 & for i in {1..50}; do "
        "grep -s listening tcpdump.log && exit; sleep 0.2; done; cat tcpdump.log",
        "listening on br-zmq",
    ),
    ("4, 7 REQ", "echo satu | $DC exec -T zmq-req python clientzmq.py", "Received: satu"),
    ("5 SUB", "$DC exec -T zmq-sub $TIMED python subzmq.py", "WAKTU "),
    ("6 PULL", "$DC exec -T zmq-pull $TIMED python pullzmq.py", " done"),
    ("8 Ctrl-C", "sleep 1; sudo pkill -INT tcpdump; sleep 1; cat tcpdump.log", "captured"),
    ("8 story", "$WIRE zmq.pcap", 'request "satu"'),
    ("8 --check", "$WIRE zmq.pcap --check --expect satu", "14 of 14 found"),
    ("8 page", "$WIRE zmq.pcap --html zmq.html && cat zmq.html", "satu"),
]  # fmt: skip
MORE = [
    (
        "live",
        "rm -f live.txt; $LIVE >live.txt 2>&1 & for i in {1..50}; do "
        "grep -qs live live.txt && break; sleep 0.2; done; "
        "$DC exec -T zmq-req python clientzmq.py dua; sleep 1; cat live.txt; "
        "sudo pkill -INT -f '[w]irezmq.py'; wait",
        'request "dua"',
    ),
    ("scale", "$DC up -d --scale zmq-pull=3 && docker ps | grep 'zmq-pull[-_]3'", ""),
    ("exec --index 3", "$DC exec -T --index 3 zmq-pull hostname", ""),
    ("unpause", "$DC pause zmq-rep && $DC unpause zmq-rep && $DC restart zmq-rep || $RESCUE", ""),
    (
        "lan.yml opens",
        "$DC -f compose/lan.yml up -d zmq-pub && sleep 2 && python3 -c "
        """"import socket; print(socket.create_connection(('127.0.0.1', 12345)).recv(1))" """,
        "xff",
    ),
    (
        "lan.yml lets nothing out",
        "archive=$(sed -n 's|.*://\\([^/]*\\)/.*|\\1|p' /etc/apt/sources.list | head -1); "
        "outside=$(getent ahostsv4 $archive | cut -d' ' -f1 | head -1); "
        """ask="import socket; print(socket.create_connection(('$outside', 80), 3))"; """
        'python3 -c "$ask" && ! $DC exec -T zmq-pub python -c "$ask"',
        "timed out",
    ),
    ("down", '$DC -f compose/lan.yml down && [ -z "$(docker ps -q)" ]', ""),
    ("then reading makes no network", "$WIRE zmq.pcap && ! ip link show br-zmq", "satu"),
]  # fmt: skip
PAGE = [
    (
        "page",
        "$PAGE up -d && for i in {1..100}; do $PAGE logs live | grep -q shows && break; sleep 0.2; "
        "done; $DC exec -T zmq-req python clientzmq.py tiga; sleep 1; $ASK",
        "tiga",
    ),
    (
        "page of a capture",
        "$PAGE down && { $PAGE run -d --rm -P page zmq.pcap; for i in {1..100}; do "
        "$ASK 2>/dev/null && break; sleep 0.2; done; }",
        "satu",
    ),
    ("page down", '$PAGE down --remove-orphans && [ -z "$(docker volume ls -q)" ]', ""),
]  # fmt: skip
SWARM = (
    "docker swarm init --advertise-addr 127.0.0.1 >/dev/null && "
    "docker stack deploy --resolve-image never -c compose/swarm.yml zmq && for i in {1..60}; do "
    "docker service logs zmq_zmq-sub 2>&1 | grep -m1 WAKTU && break; sleep 1; done; "
    "docker stack rm zmq; docker swarm leave --force"
)
