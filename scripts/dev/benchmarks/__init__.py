"""The bench: what the kit promises, measured on the machine at hand."""
