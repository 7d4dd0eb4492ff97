"""The lab on a screen: what read/ tells, shown in browsers while it passes, or played again.

source.py   a process that captures into a file, and what follows that file
shown.py    what a page is given of a connection, of an event and of what moves
lab.py      the story as changes that a page applies
hub.py      the changes of a live capture, to any number of browsers
play.py     the changes of a capture that is played, a line for each step
app.py      the pages, and who may have them
run.py      from the command line to a server, and to its end
"""
