"""Vector to text."""
