"""Tests of wire/serve/."""
