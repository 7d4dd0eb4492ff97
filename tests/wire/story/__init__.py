"""Tests of wire/story/."""
