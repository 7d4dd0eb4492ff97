"""Tests of wire/wireshark/."""
