"""The lab on a screen: what read/ tells, shown in browsers while it passes, or played again.

source.py   a process that captures into a file, and what follows that file
lab.py      the story as changes that a page applies
hub.py      the changes, to any number of browsers, none of which holds up the others
app.py      the pages, and who may have them
run.py      from the command line to a server, and to its end
"""
