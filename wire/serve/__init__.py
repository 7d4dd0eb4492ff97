"""The lab on a screen: what story/ tells, shown in browsers while it passes, or played again.

page_json.py    what a page is given of a connection, of an event and of what moves
page_state.py   the story as changes that a page applies
broadcast.py    the changes of a live capture, to any number of browsers
playback.py     the changes of a capture that is played, a line for each step
app.py          the pages, and what they ask for
guard.py        who may have them
live.py         from the file that a recorder writes to the browsers
server.py       from the command line to a server, and to its end
"""
