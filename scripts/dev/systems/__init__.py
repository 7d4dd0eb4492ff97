"""The systems that `engines` stands up, and what it tries on each."""
