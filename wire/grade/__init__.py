"""Grades what a class hands in: captures, each with a form of answers beside it if it has one.

files -> form -> marks and copies, one capture after the other -> row -> table (text, CSV, JSON)
"""
