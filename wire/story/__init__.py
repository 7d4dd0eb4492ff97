"""From the frames of each connection to its messages, and to events in the order of the capture.

Nothing here knows how an event is shown to people; that is in output/.
"""
