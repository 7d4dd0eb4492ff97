"""REQ client: sends a request, waits for its reply of one frame, then sends the next.

Socket: REQ, connects to tcp://zmq-rep:5555 (or to the environment's ZMQ_ENDPOINT).
Sends:  "Hello", then each argument, or, without any, each line of input: one frame of text.
Lost:   nothing in silence: a request without a reply in 2.5 s is sent again, so the server
        may receive it more than once. After three times: one line on stderr, exit 1.
Ctrl-C: one line, exit 0.
"""

import os
import sys
import time

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://zmq-rep:5555")
prompt = "> " if sys.stdin.isatty() else ""  # only for a person at a terminal
context = zmq.Context()


def connect():
    socket = context.socket(zmq.REQ)
    socket.maxmsgsize = 65536  # bytes; a larger reply, which could fill memory, ends the connection
    socket.rcvtimeo = socket.sndtimeo = 2500  # milliseconds to wait; then it raises zmq.ZMQError
    socket.connect(endpoint)
    return socket


# Sends the text, prints the reply, and returns the socket for the next request.
def ask(socket, text):
    start = time.perf_counter()
    for attempt in [1, 2, 3]:
        try:
            socket.send(text.encode(errors="replace"))  # "?" for what UTF-8 cannot say
            frames = socket.recv_multipart()
            elapsed = (time.perf_counter() - start) * 1000
            reply = frames[0].decode(errors="replace")
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
except EOFError:  # so does the end of the input, Ctrl-D
    pass
except KeyboardInterrupt:
    print("\nREQ client stopped")
