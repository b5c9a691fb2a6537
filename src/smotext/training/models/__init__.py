"""What is trained, and the encoder whose vectors it is trained on."""
