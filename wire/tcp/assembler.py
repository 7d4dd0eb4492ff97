"""From TCP segments to the bytes of each connection, reassembled, each with its packet.

    for connection, side, event in Assembler().feed(segment): …

An event is what happened (SYN, data, a gap, FIN …) with the number of the packet that carried
it. What was sent twice is delivered once, and counted; what the capture lacks is a gap. Here is
the table of all connections, with its bounds; the order in one of them is in connection.py.
"""

import heapq
from collections import deque
from collections.abc import Iterator

from tcp.connection import AWAY, LATE, NEVER, WAITING, StreamEvent, TCPConnection, turned
from tcp.direction import WRAP, Direction, ahead
from tcp.segment import ACK, SYN, Segment

FOLLOWED = 100_000  # connections at a time: a port scan does not fill the memory
CLOSED = 1_000  # of those that were closed: what is retransmitted is recognised
SECONDS = 2  # that a segment waits while no packet comes
ALL = 20_000  # segments that wait in all connections together
StreamEvents = list[tuple[TCPConnection, int, StreamEvent]]
NOTHING: StreamEvents = []
IGNORED, OPEN, BEGUN, GONE = 0, 1, 2, -1  # ranks of a connection
Entry = tuple[TCPConnection, Direction, Direction]  # of a segment's key: sender, its peer


class Assembler:
    """All TCP connections of a capture. `ports` are those that servers usually listen on."""

    def __init__(self, ports: frozenset[int] = frozenset()) -> None:
        self.table: dict[bytes, Entry] = {}
        self.ports = ports
        # Oldest first, by what is evicted first if there are too many: those of no interest, those
        # open, those in their handshake. A connection whose rank is another by now counts there.
        self.ranks: tuple[deque[TCPConnection], ...] = (deque(), deque(), deque())
        self.closed: deque[TCPConnection] = deque()
        self.evicted = 0  # connections that may be of interest
        # When to look again at a connection: number of a packet, a serial number.
        self.timers: list[tuple[int, int, TCPConnection]] = []
        self.armed = 0  # serial number of the last timer: those due together go as they came
        self.due = NEVER
        self.waiting = 0  # segments, about
        self.leaving: list[tuple[TCPConnection, bool]] = []  # with the packet that was fed last

    def feed(self, segment: Segment) -> StreamEvents:
        """Return what this segment brings to the reader, in the order of the stream."""
        number, time, key, seq, ack, flags, payload, cut, _ = segment
        found = self._overdue(number) if number >= self.due else NOTHING
        entry = self.table.get(key)
        if entry is None or flags & SYN:
            found = list(found)
            entry = self._begin(segment, entry, found)
            if entry is None:
                return found
        connection, sender, peer = entry
        if connection.ignored:
            return found
        if (
            seq == sender.next
            and not flags & 7
            and not cut
            and not connection.waiting
            and connection.state == "established"
            and (ack == peer.next or peer.next is None or ahead(ack, peer.next) <= 0)
        ):
            if not payload:
                return found
            sender.next = (seq + len(payload)) % WRAP
            data = (connection, sender.side, StreamEvent("data", number, time, payload))
            return [*found, data] if found else [data]
        return [*found, *self._slow(connection, sender, segment)]

    def wait_over(self, clock: float) -> StreamEvents:
        """Return what is given up at this moment, in seconds, while no packet comes."""
        found: StreamEvents = []
        for _, _, connection in list(self.timers):
            tops = [top.time for one in connection.directions if (top := one.top())]
            if tops and clock - min(tops) > SECONDS:
                self.waiting -= connection.waiting
                found += connection.give_up(NEVER, 0)
                if connection.state == "closed" and connection.rank != GONE:
                    self._close(connection)
        return found

    def end(self) -> StreamEvents:
        """Return what waited for segments that never came; all connections leave."""
        found = []
        for connection in list(self.connections()):
            found += list(connection.give_up(NEVER, 0))
            self.leaving.append((connection, False))
        return found

    def left(self) -> Iterator[tuple[TCPConnection, bool]]:
        """Yield the connections that are not followed any more, and whether one was evicted."""
        yield from self.leaving
        self.leaving.clear()

    def ignore(self, connection: TCPConnection) -> None:
        """Follow a connection no more: it carries nothing of interest."""
        connection.ignored, connection.data = True, None
        if connection.rank != GONE:
            self._rank(connection, IGNORED)

    def keep(self, connection: TCPConnection) -> None:
        """Say that the handshake of a connection is over."""
        if connection.rank == BEGUN:
            self._rank(connection, OPEN)

    def connections(self) -> Iterator[TCPConnection]:
        """Yield the connections that are followed."""
        for rank in OPEN, BEGUN:
            yield from (one for one in self.ranks[rank] if one.rank == rank)
        yield from self.closed

    def _rank(self, connection: TCPConnection, rank: int) -> None:
        connection.rank = rank
        queue = self.ranks[rank]
        queue.append(connection)
        if len(queue) > 2000 + len(self.table):  # most of them are elsewhere by now
            kept = [one for one in queue if one.rank == rank]
            queue.clear()
            queue.extend(kept)

    def _evict(self) -> None:
        """Follow the connection no more that matters least."""
        for rank, queue in enumerate(self.ranks):
            while queue:
                connection = queue.popleft()
                if connection.rank == rank:
                    self.evicted += not connection.ignored
                    return self._remove(connection, not connection.ignored)
        return None

    def _begin(self, segment: Segment, entry: Entry | None, found: StreamEvents) -> Entry | None:
        """Return where a segment belongs that begins a connection or is the first seen of it.

        What waited in an earlier connection of the same ports is added to `found`.
        """
        flags, key = segment.flags, segment.key
        if entry:
            connection, sender, _ = entry
            if sender.first == segment.seq or connection.state == "listen":
                return entry  # a retransmitted SYN, or one that was captured late
            if flags & ACK and sender.first is None and not connection.late:
                return entry  # the SYN, ACK
            found += connection.give_up(NEVER, 0)
            self._remove(connection)
        if flags & SYN:
            client = turned(key) if flags & ACK else key
        elif segment.payload or segment.cut or flags & 7:
            source, target = int.from_bytes(key[-4:-2]), int.from_bytes(key[-2:])
            known = (source in self.ports) - (target in self.ports)
            from_server = known > 0 or (known == 0 and source < target)
            client = turned(key) if from_server else key
        else:
            return None
        if len(self.table) >= 2 * FOLLOWED:
            self._evict()
        connection = TCPConnection(client)
        self._rank(connection, BEGUN)
        ours, theirs = connection.directions
        self.table[client] = (connection, ours, theirs)
        self.table[turned(client)] = (connection, theirs, ours)
        return self.table[key]

    def _remove(self, connection: TCPConnection, evicted: bool = False) -> None:
        """Take a connection out of the table."""
        entry = self.table.get(connection.client_key)
        if entry is None or entry[0] is not connection:
            return  # another has the same ports by now
        del self.table[connection.client_key], self.table[turned(connection.client_key)]
        connection.rank = GONE
        self.waiting -= connection.waiting
        self.leaving.append((connection, evicted))
        connection.evict()

    def _slow(self, connection: TCPConnection, sender: Direction, segment: Segment) -> StreamEvents:
        """Return what is not plain data in order: beginnings, ends, what waits or is repeated."""
        before = connection.waiting
        found = list(connection.receive(sender, segment))
        if connection.waiting > WAITING:
            found += connection.give_up(segment.number, AWAY)
        elif connection.waiting and self.waiting > ALL:
            found += connection.give_up(segment.number, 0)
        self.waiting += connection.waiting - before
        if connection.waiting and not connection.armed:
            self._arm(connection)
        if connection.state == "closed" and connection.rank != GONE:
            self._close(connection)
        return found

    def _close(self, connection: TCPConnection) -> None:
        """Keep a closed connection for a while only."""
        connection.rank = GONE
        self.closed.append(connection)
        if len(self.closed) > CLOSED:
            self._remove(self.closed.popleft())

    def _arm(self, connection: TCPConnection) -> None:
        """See to it that a connection in which segments wait is looked at again."""
        distance = LATE if connection.state == "listen" else AWAY
        self._look(connection, connection.oldest() + distance)

    def _look(self, connection: TCPConnection, number: int) -> None:
        """Look again at a connection with the packet of this number."""
        connection.armed = True
        self.armed += 1
        heapq.heappush(self.timers, (number, self.armed, connection))
        self.due = self.timers[0][0]

    def _overdue(self, number: int) -> StreamEvents:
        """Return what is given up with the packet of this number."""
        found: StreamEvents = []
        while self.timers and self.timers[0][0] <= number:
            _, _, connection = heapq.heappop(self.timers)
            connection.armed = False
            if not connection.waiting:
                continue
            before, listens = connection.waiting, connection.state == "listen"
            if listens and connection.ends_only():
                self._remove(connection)  # it was not followed
                continue
            found += connection.give_up(number, LATE if listens else AWAY)
            self.waiting += connection.waiting - before
            if connection.waiting:
                distance = LATE if connection.state == "listen" else AWAY
                # What waits for bytes that may yet be sent again is overdue already.
                due = connection.oldest() + distance
                self._look(connection, due if due > number else number + AWAY)
            if connection.state == "closed" and connection.rank != GONE:
                self._close(connection)
        self.due = self.timers[0][0] if self.timers else NEVER
        return found
