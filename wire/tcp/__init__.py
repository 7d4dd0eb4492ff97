"""From packets to the bytes of each TCP connection, in the order of the stream."""
