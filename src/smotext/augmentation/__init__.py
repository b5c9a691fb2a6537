"""The method: new texts for the classes of a corpus."""
