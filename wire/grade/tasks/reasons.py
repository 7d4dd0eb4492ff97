"""Why what a task asks for is missing, in words; {…} is filled in."""

from grade.mistakes import N_

# of a message
FRAMES = N_("packet {packet} has a message of several frames, not of one")
NOT_WHOLE = N_("the message in packet {packet} is not whole in the capture")
TOO_LONG = N_("the message in packet {packet} has more than {most} bytes: not read")
PICKLE = N_("packet {packet} has a pickle, and no JSON")
NO_TEXT = N_('packet {packet} has no UTF-8: "{text}"')
NO_JSON = N_('packet {packet} has no JSON: "{text}"')
TWICE = N_("packet {packet} has JSON in which a key stands twice")
TOO_DEEP = N_("packet {packet} has JSON nested too deep to be read")
NO_OBJECT = N_("packet {packet} has JSON, but no object")
NO_LIST = N_("packet {packet} has JSON, but no list")
NO_WHOLE = N_('packet {packet}: "{key}" is no whole number from 0 to 2^63 - 1')
NO_SECONDS = N_('packet {packet}: "{key}" is no number of seconds from 1 on')
NO_NAME = N_('packet {packet}: "{key}" is no text of 1 to {most} characters')
NO_STRING = N_('packet {packet}: "{key}" is no text')
MORE = N_("there are more than {most}: the others are not looked at")

# of the whole capture
DROPPED = N_("cannot be told: {number} packets were dropped by the kernel")
GAPS = N_("cannot be told: bytes of a connection are not in the capture")
EVICTED = N_("cannot be told: not all of its many connections were followed")
LATE = N_("cannot be told: a connection began before the capture")
CLOCK = N_("cannot be told: the clock goes back at packet {packet}")

# task 1
NO_JOB = N_("no job was handed out on port 9999, by PUSH that binds to PULL that connects")
NO_CONFIRMATION = N_(
    "no confirmation came to port 9998, by PUSH that connects to PULL that binds: was the capture "
    "started first?"
)
TWO_JOBS = N_(
    "job {job} takes {one} s in packet {first} and {other} s in packet {packet}: did the "
    "dispatcher begin anew?"
)
NOT_HANDED = N_("job {job} is confirmed in packet {packet}, and was not handed out before")
AGAIN = N_("job {job} was confirmed in packet {first} and handed out again in packet {packet}")
FORGOT = N_(
    "job {job} was confirmed in packet {first} and handed out again in packet {packet}: the "
    "dispatcher had ended in packet {stopped}, and forgot"
)
EARLY = N_(
    "job {job} takes {seconds} s, was handed out in packet {first} and confirmed in packet "
    "{packet}, {early} s before it can have been done, one job after the other"
)
NO_END = N_("no worker ended while it had jobs: end one in the middle of its work")
TOO_LATE = N_("what the worker that ended had was confirmed after all: end it sooner")
NOT_AGAIN = N_(
    "job {job} was sent to {worker} in packet {packet}, never confirmed, and not sent again"
)
NOT_YET = N_(
    "job {job} was sent to {worker} in packet {packet}, and is not confirmed by the end of the "
    "capture"
)

# task 2
NOTHING = N_("nothing was published under WAKTU to a subscriber")
NO_NUMBER = N_('packet {packet} has no running number: "{text}"')
LIST_NUMBER = N_('packet {packet}: a message of the list has no running number: "{text}"')
GAP = N_("a gap: in packet {packet} number {number} follows {last}")
DOUBLE = N_("a double: in packet {packet} number {number} follows {last}")
FROM_FIRST = N_("{host} received the messages from number {first} on: start it later")
NO_REQUEST = N_("no request came from {host}, which subscribed, to port 5556 of the publisher")
NO_LIST_YET = N_("the request in packet {packet} has no reply")
SNAPSHOT_FIRST = N_(
    "the list left in packet {reply}, before SUBSCRIBE came in packet {subscribe}: what is "
    "published in between is in neither"
)
NO_SUBSCRIBE = N_("no SUBSCRIBE is in the capture: was it started after the subscriber?")
NOT_FROM_1 = N_("the request in packet {packet} asks from number {begin} on, not from 1")
EMPTY = N_("the list in packet {packet} is empty")
NOT_FIRST = N_("the list in packet {packet} begins with number {first}, not with 1")
NO_LATER = N_("the list in packet {packet} ends with {last}, and no later message was received")
BETWEEN = N_(
    "a gap: the list in packet {packet} ends with {last}, and the first message received has the "
    "number {first}"
)
OTHER_TEXT = N_("number {number} in the list in packet {packet} is another message than published")

# task 3
NO_ASK = N_("no request was sent to REP")
NO_REPLY = N_("no reply came to any request")
OTHER_ASK = N_("id {id} has one text in packet {first} and another in packet {packet}")
OTHER_ID = N_("packet {packet} replies to id {id}, and the request has {wanted}")
NOT_ASKED = N_("packet {packet} replies to id {id}, which was not asked before")
DIFFER = N_("id {id} got {one} in packet {first} and {other} in packet {packet}")
UNANSWERED = N_("id {id} was asked in packet {packet}, and got no reply")
REPEATED = N_(
    "id {id} was sent again in packet {packet}, when its reply had come in packet {reply}"
)
NOT_REPEATED = N_("no id was sent twice: pause the server while a client asks")
NOT_RISEN = N_("id {id} got {count} in packet {packet}, though {high} had been reached before")
RISEN_MORE = N_(
    "in packet {packet} the counter had risen from {low} to {count}, by {rise}; new ids asked in "
    "between: {ids}"
)
NO_BASE = N_(
    "the first id that was counted, {id}, was sent twice and got {count}: whether it counted once "
    "cannot be told; send another one before"
)
