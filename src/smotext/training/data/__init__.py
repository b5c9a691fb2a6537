"""From corpus files to batches of passages."""
