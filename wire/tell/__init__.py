"""From events to people: text, check, JSON, page, annotated capture, the lab on a screen.

Nothing here reads packets; the events come from read/, and the words for them from words.py.
"""
