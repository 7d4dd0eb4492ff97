"""The three tasks of docs/tugas, done as a good student would, and done wrong; not for students."""
