"""Tests of wire/capture/."""
