"""Tests of wire/output/."""
