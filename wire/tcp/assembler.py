"""From TCP segments to the bytes of each connection, reassembled, each with its packet.

    for connection, side, event in Assembler().feed(segment): …

An event is what happened (SYN, data, a gap, FIN …) with the number of the packet that carried
it. What was sent twice is delivered once, and counted; what the capture lacks is a gap. Here is
the table of all connections, with its bounds; the order in one of them is in connection.py.
"""

import heapq
from collections import deque
from collections.abc import Iterator

from tcp import order
from tcp.acceptance import successor
from tcp.connection import END, StreamEvent, TCPConnection, turned
from tcp.direction import FAR, LARGE, RECENT, WRAP, Direction, ahead
from tcp.segment import ACK, SYN, Segment

FOLLOWED = 100_000  # connections at a time: a port scan does not fill the memory
CLOSED = 1_000  # of those that were closed: what is retransmitted is recognised
ALL = 20_000  # segments that wait in all connections together
StreamEvents = list[tuple[TCPConnection, int, StreamEvent]]
NOTHING: StreamEvents = []
make = tuple.__new__  # makes a NamedTuple in a third of the time
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
        self.clock = 0.0  # seconds of the capture: unlike the time of packets it never goes back
        # When to look again at a connection, by a packet's number and by the clock; those that are
        # due together go as they came, by a serial number.
        self.by_packet: list[tuple[int, int, TCPConnection]] = []
        self.by_clock: list[tuple[float, int, TCPConnection]] = []
        self.serial = 0
        self.due, self.due_clock = END
        self.waiting = 0  # segments, about
        self.leaving: list[tuple[TCPConnection, bool]] = []  # with the packet that was fed last

    def feed(self, segment: Segment) -> StreamEvents:
        """Return what this segment brings to the reader, in the order of the stream."""
        number, time, key, seq, ack, flags, payload, cut, _, _ = segment
        if time > self.clock:
            self.clock = time
        found = NOTHING
        if number >= self.due or time >= self.due_clock:
            found = self._overdue(number)
        entry = self.table.get(key)
        if entry:
            connection, sender, peer = entry
            if (
                connection.quick
                and seq == sender.next
                and not flags & 7
                and not cut
                and (ack == peer.next or peer.next is None or -FAR < ahead(ack, peer.next) <= 0)
                and (sender.offload or not sender.corrupt(segment, peer))
            ):
                sender.last = segment
                if not payload:
                    return found
                size, recent = len(payload), sender.recent
                sender.next = (seq + size) % WRAP
                if size > LARGE or len(recent) > RECENT:
                    sender.trim(size)
                recent.append(payload)
                happened = make(StreamEvent, ("data", number, time, payload, 0, ""))
                data = (connection, sender.side, happened)
                return [*found, data] if found else [data]
        slow = self._slow(segment, entry)
        return [*found, *slow] if found else slow

    def wait_over(self, clock: float) -> StreamEvents:
        """Return what is given up at this moment, in seconds, while no packet comes."""
        self.clock = max(self.clock, clock)
        return self._overdue(0) if self.clock >= self.due_clock else NOTHING

    def end(self) -> StreamEvents:
        """Return what waited for segments that never came; all connections leave."""
        found = []
        for connection in list(self.connections()):
            found += list(order.give_up(connection, *END))
            self.leaving.append((connection, False))
        return found

    def left(self) -> Iterator[tuple[TCPConnection, bool]]:
        """Yield the connections that are not followed any more, and whether one was evicted."""
        yield from self.leaving
        self.leaving.clear()

    def ignore(self, connection: TCPConnection) -> None:
        """Follow a connection no more: it carries nothing of interest."""
        connection.ignored, connection.quick, connection.data = True, False, None
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

    def _new(self, segment: Segment) -> Entry:
        """Take up a connection of which this is the first segment."""
        flags, key = segment.flags, segment.key
        from_server, back = False, turned(key)
        if flags & (SYN | ACK) != SYN:
            source, target = int.from_bytes(key[-4:-2]), int.from_bytes(key[-2:])
            known = (source in self.ports) - (target in self.ports)
            from_server = known > 0 or (known == 0 and bool(flags & SYN or source < target))
        if len(self.table) >= 2 * FOLLOWED:
            self._evict()
        connection = TCPConnection(back if from_server else key)
        self._rank(connection, BEGUN)
        ours, theirs = connection.directions
        if from_server:
            ours, theirs = theirs, ours
        self.table[key] = entry = (connection, ours, theirs)
        self.table[back] = (connection, theirs, ours)
        return entry

    def _remove(self, connection: TCPConnection, evicted: bool = False) -> None:
        """Take a connection out of the table."""
        entry = self.table.get(connection.client_key)
        if entry is None or entry[0] is not connection:
            return  # another has the same ports by now
        del self.table[connection.client_key], self.table[turned(connection.client_key)]
        connection.rank = GONE
        self.waiting -= connection.waiting
        self.leaving.append((connection, evicted))
        if connection.state != "closed":
            connection.evict()
        connection.quick = False

    def _slow(self, segment: Segment, entry: Entry | None) -> StreamEvents:
        """Return what is not plain data in order: beginnings, ends, what waits or is repeated."""
        if entry is None:
            if not segment.size and not segment.flags & 7:
                return NOTHING  # a connection does not begin with a lone acknowledgment
            entry = self._new(segment)
        connection, sender, peer = entry
        begins: list[Segment] = []
        if connection.ignored or connection.state == "closed":
            if segment.flags & SYN and segment.seq != sender.first:
                begins = [segment]
            elif connection.ignored or (sender.offload and not segment.size):
                return NOTHING  # the last acknowledgment of a closed one, as a rule
        elif connection.doubts:
            begins = successor(connection.state, connection.doubts, sender, peer, segment)
        if not begins:
            return self._receive(segment, connection, sender, peer)
        found = self._give_up(connection, *END)
        self._remove(connection)
        for each in begins:
            found += self._receive(each, *(self.table.get(each.key) or self._new(each)))
        return found

    def _receive(
        self, segment: Segment, connection: TCPConnection, sender: Direction, peer: Direction
    ) -> StreamEvents:
        """Return what a segment brings to its connection."""
        before = connection.waiting
        found = [*order.receive(connection, sender, peer, segment, self.clock)]
        if connection.waiting:
            if connection.waiting > order.WAITING:
                found += order.give_up(connection, segment.number, self.clock)
            elif self.waiting > ALL:
                found += order.give_up(connection, *END)
        self._settle(connection, before)
        return found

    def _give_up(self, connection: TCPConnection, number: int, clock: float) -> StreamEvents:
        """Return what a connection gives up by then."""
        before = connection.waiting
        found = [*order.give_up(connection, number, clock)]
        self._settle(connection, before)
        return found

    def _settle(self, connection: TCPConnection, before: int) -> None:
        """See to a connection in which things may have changed; so many segments waited before."""
        self.waiting += connection.waiting - before
        waits = connection.waiting or connection.doubts
        if waits or connection.armed != END:
            self._arm(connection)
        connection.quick = False
        if connection.state == "established":
            one, other = connection.directions
            connection.quick = one.end is None and other.end is None and not waits
        elif connection.state == "closed" and connection.rank != GONE:
            connection.rank = GONE
            self.closed.append(connection)  # for a while only
            if len(self.closed) > CLOSED:
                self._remove(self.closed.popleft())

    def _arm(self, connection: TCPConnection) -> None:
        """See to it that a connection in which segments wait is looked at again in time."""
        due = number, clock = order.deadline(connection)
        if due == connection.armed:
            return
        connection.armed = due
        self.serial += 1
        if number != END[0]:
            heapq.heappush(self.by_packet, (number, self.serial, connection))
            self.due = self.by_packet[0][0]
        if clock != END[1]:
            heapq.heappush(self.by_clock, (clock, self.serial, connection))
            self.due_clock = self.by_clock[0][0]

    def _overdue(self, number: int) -> StreamEvents:
        """Return what is given up with the packet of this number, or by the clock as it stands."""
        found: StreamEvents = []
        while True:
            if self.by_packet and self.by_packet[0][0] <= number:
                _, _, connection = heapq.heappop(self.by_packet)
            elif self.by_clock and self.by_clock[0][0] <= self.clock:
                _, _, connection = heapq.heappop(self.by_clock)
            else:
                break
            due = connection.armed
            if number < due[0] and self.clock < due[1]:
                continue  # by now it is later that it has to be looked at
            connection.armed = END
            if connection.state == "listen" and order.ends_only(connection):
                self._remove(connection)  # it was not followed
            else:
                found += self._give_up(connection, number, self.clock)
        self.due = self.by_packet[0][0] if self.by_packet else END[0]
        self.due_clock = self.by_clock[0][0] if self.by_clock else END[1]
        return found
