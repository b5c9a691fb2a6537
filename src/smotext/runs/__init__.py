"""Runs that survive a crash: the same steps as in memory, each kept in a directory as soon as it is done."""
