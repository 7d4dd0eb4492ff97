"""Tests of wire/, in rooms as its own."""
