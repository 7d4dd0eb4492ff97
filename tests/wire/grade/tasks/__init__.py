"""Tests of wire/grade/."""
