"""From events to people: text, JSON, page, diagram, annotated capture.

Nothing here reads packets; the events come from story/, and the words for them from words.py.
"""
