"""Tests of the lab: on a real engine, and of the scripts alone."""
