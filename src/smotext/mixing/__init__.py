"""Who is mixed with whom, and how: neighbours, plans and interpolation. No language model, no torch."""
