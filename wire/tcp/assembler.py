"""From TCP segments to the bytes of each connection, in order, each with its packet.

    for flow, side, piece in Assembler().feed(segment): …

A piece is what happened (SYN, data, a gap, FIN …) with the number of the packet that carried
it. What was sent twice is given once, and counted; what the capture lacks is given as a gap.
Here is the table of all connections, with its bounds; the order in one of them is in flow.py.
"""

import heapq
from collections import deque
from collections.abc import Iterator

from tcp.connection import (
    NEVER,
    WAITING,
    WRAP,
    Direction,
    StreamEvent,
    TCPConnection,
    ahead,
    turned,
)
from tcp.segment import ACK, SYN, Segment

FLOWS = 100_000  # connections followed at a time: a port scan does not fill the memory
RECENT = 1_000  # of those closed: what comes twice is recognised
LATE = 10  # packets of the capture in which the SYN of a connection may still come
AWAY = 100  # packets in which what was acknowledged may still come
SECONDS = 2  # that a segment waits while nothing comes
ALL = 20_000  # segments that wait in all connections together
StreamEvents = list[tuple[TCPConnection, int, StreamEvent]]
NOTHING: StreamEvents = []
IGNORED, OPEN, BEGUN, GONE = 0, 1, 2, -1  # ranks of a connection


class Assembler:
    """All TCP connections of a capture. `ports` are those that servers usually listen on."""

    def __init__(self, ports: frozenset[int] = frozenset()) -> None:
        self.halves: dict[bytes, Direction] = {}
        self.ports = ports
        # Oldest first, by what is dropped first if there are too many: those of no interest, those
        # open, those in their handshake. A flow whose rank is another by now counts there.
        self.ranks: tuple[deque[TCPConnection], ...] = (deque(), deque(), deque())
        self.closed: deque[TCPConnection] = deque()
        self.dropped = 0  # connections lost sight of, though they may be of interest
        self.timers: list[
            tuple[int, int, TCPConnection]
        ] = []  # number of a packet -> look at it again
        self.due = NEVER
        self.waiting = 0  # segments, about
        self.leaving: list[tuple[TCPConnection, bool]] = []  # with the packet that was fed last

    def feed(self, segment: Segment) -> StreamEvents:
        """Return what this segment brings to the reader, in the order of the stream."""
        number, time, key, seq, ack, flags, payload, cut = segment
        found = self._overdue(number) if number >= self.due else NOTHING
        half = self.halves.get(key)
        if half is None or flags & SYN:
            found = list(found)
            half = self._begin(segment, half, found)
            if half is None:
                return found
        flow = half.connection
        if flow.ignored:
            return found
        if seq == half.next and not flags & 7 and not cut and not flow.held:
            peer = flow.halves[1 - half.side]
            if flow.state == "open" and (
                ack == peer.next or peer.next is None or ahead(ack, peer.next) <= 0
            ):
                if not payload:
                    return found
                half.next = (seq + len(payload)) % WRAP
                said = (flow, half.side, StreamEvent("data", number, time, payload))
                return [*found, said] if found else [said]
        return [*found, *self._slow(flow, half, segment)]

    def overdue(self, time: float) -> StreamEvents:
        """Return what waited for longer than SECONDS at this time of the story."""
        found: StreamEvents = []
        for _, _, flow in self.timers:
            oldest = min((top.time for half in flow.halves if (top := half.top())), default=time)
            if time - oldest > SECONDS:
                self.waiting -= flow.held
                found += flow.give_up(NEVER, 0)
                if flow.state == "closed" and flow.rank != GONE:
                    self._close(flow)
        return found

    def end(self) -> StreamEvents:
        """Return what waited for segments that never came; all connections leave."""
        found = []
        for flow in list(self.flows()):
            found += list(flow.give_up(NEVER, 0))
            self.leaving.append((flow, False))
        return found

    def left(self) -> Iterator[tuple[TCPConnection, bool]]:
        """Yield the connections that are not followed any more, and whether one was dropped."""
        for flow, dropped in self.leaving:
            yield flow, dropped
            flow.halves = ()  # type: ignore[assignment]  # no cycle: its memory is free at once
        self.leaving.clear()

    def ignore(self, flow: TCPConnection) -> None:
        """Follow a connection no more: it carries nothing of interest."""
        flow.ignored, flow.data = True, None
        if flow.rank != GONE:
            self._rank(flow, IGNORED)

    def keep(self, flow: TCPConnection) -> None:
        """Say that the handshake of a connection is over."""
        if flow.rank == BEGUN:
            self._rank(flow, OPEN)

    def flows(self) -> Iterator[TCPConnection]:
        """Yield the connections that are followed."""
        for rank in OPEN, BEGUN:
            yield from (flow for flow in self.ranks[rank] if flow.rank == rank)
        yield from self.closed

    def _rank(self, flow: TCPConnection, rank: int) -> None:
        flow.rank = rank
        if rank == GONE:
            return
        flows = self.ranks[rank]
        flows.append(flow)
        if len(flows) > 2000 + len(self.halves):  # most of them are elsewhere by now
            kept = [flow for flow in flows if flow.rank == rank]
            flows.clear()
            flows.extend(kept)

    def _drop(self) -> None:
        """Lose sight of the connection that matters least."""
        for rank, flows in enumerate(self.ranks):
            while flows:
                flow = flows.popleft()
                if flow.rank == rank:
                    self.dropped += not flow.ignored
                    return self._remove(flow, not flow.ignored)
        return None

    def _begin(
        self, segment: Segment, half: Direction | None, found: StreamEvents
    ) -> Direction | None:
        """Return the direction of a segment that begins a connection or is the first seen.

        What waited in an earlier connection of the same ports is added to `found`.
        """
        flags, key = segment.flags, segment.key
        if half:
            if half.first == segment.seq or half.connection.state == "unborn":
                return half  # a repeated SYN, or one that was captured late
            if flags & ACK and half.first is None and not half.connection.late:
                return half  # the SYN, ACK
            found += half.connection.give_up(NEVER, 0)
            self._remove(half.connection)
        if flags & SYN:
            client = turned(key) if flags & ACK else key
        elif segment.payload or segment.cut or flags & 7:
            source, target = int.from_bytes(key[-4:-2]), int.from_bytes(key[-2:])
            known = (source in self.ports) - (target in self.ports)
            from_server = known > 0 or (known == 0 and source < target)
            client = turned(key) if from_server else key
        else:
            return None
        if len(self.halves) >= 2 * FLOWS:
            self._drop()
        flow = TCPConnection(client)
        self._rank(flow, BEGUN)
        for new in flow.halves:
            self.halves[new.key] = new
        return self.halves[key]

    def _remove(self, flow: TCPConnection, dropped: bool = False) -> None:
        """Take a connection out of the table."""
        if not flow.halves or self.halves.get(flow.client_key) is not flow.halves[0]:
            return  # another has the same ports by now
        for half in flow.halves:
            del self.halves[half.key]
        flow.rank = GONE
        self.waiting -= flow.held
        flow.held = 0
        self.leaving.append((flow, dropped))
        flow.state = "closed"

    def _slow(self, flow: TCPConnection, half: Direction, segment: Segment) -> StreamEvents:
        """Return what is not plain data in order: beginnings, ends, early and repeated segments."""
        held = flow.held
        found = list(flow.take(half, segment))
        if flow.held > WAITING or (flow.held and self.waiting > ALL):
            found += flow.give_up(segment.number, AWAY if flow.held > WAITING else 0)
        self.waiting += flow.held - held
        if flow.held and not flow.armed:
            self._arm(flow)
        if flow.state == "closed" and flow.rank != GONE:
            self._close(flow)
        return found

    def _close(self, flow: TCPConnection) -> None:
        """Keep a closed connection for a while only."""
        flow.rank = GONE
        self.closed.append(flow)
        if len(self.closed) > RECENT:
            self._remove(self.closed.popleft())

    def _arm(self, flow: TCPConnection) -> None:
        """See to it that a connection in which segments wait is looked at again."""
        distance = LATE if flow.state == "unborn" else AWAY
        flow.armed = True
        heapq.heappush(self.timers, (flow.oldest() + distance, id(flow), flow))
        self.due = self.timers[0][0]

    def _overdue(self, number: int) -> StreamEvents:
        """Return what is given up with the packet of this number."""
        found: StreamEvents = []
        while self.timers and self.timers[0][0] <= number:
            _, _, flow = heapq.heappop(self.timers)
            flow.armed = False
            if not flow.held:
                continue
            held = flow.held
            unborn = flow.state == "unborn"
            if unborn and not any(
                entry[2].payload or entry[2].cut or entry[2].flags & SYN
                for half in flow.halves
                for entry in half.heap or ()
            ):
                self._remove(flow)  # the end of a connection that was not followed
                continue
            found += flow.give_up(number, LATE if unborn else AWAY)
            self.waiting += flow.held - held
            if flow.held:
                self._arm(flow)
                due, _, _ = self.timers[0]
                if due <= number:  # it waits for what may yet be sent again
                    self._later(number + AWAY)
            if flow.state == "closed" and flow.rank != GONE:
                self._close(flow)
        self.due = self.timers[0][0] if self.timers else NEVER
        return found

    def _later(self, number: int) -> None:
        """Put off what is due until a later packet."""
        _, key, flow = heapq.heappop(self.timers)
        heapq.heappush(self.timers, (number, key, flow))
