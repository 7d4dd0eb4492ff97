"""REQ client: sends a request, waits for its reply of one frame, then sends the next.

Socket: REQ, connects to tcp://zmq-rep:5555 (or to the environment's ZMQ_ENDPOINT).
Sends:  "Hello", then each argument, or, without any, each line of input: one frame of JSON,
        {"id": "...", "text": "..."}, with an id that no other request has.
Lost:   nothing in silence: a request without a reply in 2.5 s is sent again, under the same id,
        so the server knows it. After three times: one line on stderr, exit 1.
Ctrl-C: one line, exit 0.
"""

import json
import os
import sys
import time
import uuid

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://zmq-rep:5555")
prompt = "> " if sys.stdin.isatty() else ""  # only a person at a terminal needs one
context = zmq.Context()


def connect() -> zmq.Socket:
    socket = context.socket(zmq.REQ)
    socket.maxmsgsize = 65536  # bytes; a larger reply ends the connection, or memory could fill
    socket.rcvtimeo = socket.sndtimeo = 2500  # milliseconds to wait; then it raises zmq.ZMQError
    socket.connect(endpoint)
    return socket


# Sends the text, prints the reply, and returns the socket for the next request.
def ask(socket: zmq.Socket, text: str) -> zmq.Socket:
    start = time.perf_counter()
    # Made once, outside the loop; random, so that no other client or run has the same.
    request = {"id": uuid.uuid4().hex[:12], "text": text}
    for attempt in [1, 2, 3]:
        try:
            socket.send_json(request)
            reply = json.loads(socket.recv())
            elapsed = (time.perf_counter() - start) * 1000
            print(f"Reply: {reply!r} ({elapsed:.2f} ms)")
            return socket
        except zmq.ZMQError:  # also where the server broke the protocol
            print(f"No reply, attempt {attempt} of 3")
            socket.close(linger=0)  # what is not sent yet is thrown away, not sent later
            socket = connect()  # the old one can send nothing until it has received a reply
    sys.exit(f"clientzmq.py: no reply from {endpoint}: is the server running?")  # exit code 1


socket = connect()
try:
    for text in ["Hello"] + sys.argv[1:]:
        socket = ask(socket, text)
    if len(sys.argv) == 1:  # no arguments: each line of input is a request
        while True:
            text = input(prompt).strip()
            if not text:  # an empty line ends it
                break
            socket = ask(socket, text)
except EOFError:  # and so does the end of the input
    pass
except KeyboardInterrupt:
    print("\nREQ client stopped")
