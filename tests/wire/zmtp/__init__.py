"""Tests of wire/zmtp/."""
