"""Tests of wire/tcp/."""
