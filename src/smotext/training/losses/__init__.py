"""What is minimised: likelihood, risk, and what is done to vectors on the way."""
