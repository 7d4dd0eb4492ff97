"""From a capture or an interface to events: packets, TCP streams, ZMTP frames, story.

Nothing here knows how an event is shown to people; that is in tell/.
"""
