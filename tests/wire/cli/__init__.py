"""Tests of wire/cli/."""
