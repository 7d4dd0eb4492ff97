"""The command line: its arguments, and a module for each command, with run(options) -> int."""
