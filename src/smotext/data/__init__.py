"""Texts and labels: containers, tables, files, and the checks of what callers hand in."""
