"""Round trips through the scripts, through bare pyzmq, and through TCP alone."""

import statistics

from benchmarks.harness import LAB, TIMES, down, row, run, up

LINES = 10_000
# Each of the three is a whole process, timed in the container from start to end.
TIMED = """
import subprocess, sys, time
text = sys.stdin.buffer.read()
begin = time.perf_counter()
subprocess.run(sys.argv[1:], input=text, stdout=subprocess.DEVNULL, check=True)
print(time.perf_counter() - begin)
"""
BARE_SERVER = """
import zmq
socket = zmq.Context().socket(zmq.REP)
socket.bind("tcp://*:5556")
while True:
    socket.send(b"Received: " + socket.recv())
"""
BARE_CLIENT = f"""
import zmq
socket = zmq.Context().socket(zmq.REQ)
socket.connect("tcp://zmq-rep:5556")
for number in range({LINES}):
    socket.send(b"message %d" % number)
    socket.recv()
"""
ECHO_SERVER = """
import socket
server = socket.create_server(("", 5557))
while True:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(4096):
        connection.sendall(data)
"""
ECHO_CLIENT = f"""
import socket
connection = socket.create_connection(("zmq-rep", 5557))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for number in range({LINES}):
    connection.sendall(b"message %d" % number)
    connection.recv(4096)
"""
# Ends once somebody listens at both ports.
LISTEN = """
import socket, time
for port in 5556, 5557:
    while socket.socket().connect_ex(("zmq-rep", port)):
        time.sleep(0.05)
"""


def rounds() -> None:
    """Time requests, in turns."""
    up()
    for server in BARE_SERVER, ECHO_SERVER:
        run(*LAB, "exec", "-d", "zmq-rep", "python", "-c", server)
    client = [*LAB, "exec", "-T", "zmq-req", "timeout", "600", "python", "-c"]
    run(*client, LISTEN)
    text = "".join(f"message {number}\n" for number in range(LINES))
    took: list[list[float]] = [[], [], []]
    for _ in range(3 * TIMES):  # the engine, which keeps the log, has the same two cores
        for times, script in zip(
            took, (["clientzmq.py"], ["-c", BARE_CLIENT], ["-c", ECHO_CLIENT]), strict=True
        ):
            times.append(float(run(*client, TIMED, "python", *script, text=text)))
    ours, bare, echo = (statistics.median(times) / LINES * 1e6 for times in took)
    row(f"a round trip, over {LINES:,}", ours, "us", "<= 1.25", ("bare pyzmq", bare))
    row("  beside TCP alone", ours, "us", "", ("TCP echo", echo))
    down()
