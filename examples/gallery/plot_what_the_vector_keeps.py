"""
What a vector keeps
===================

A text goes through a few hundred numbers on its way to the language model. This asks for three texts back, from their
own vectors, unmixed, and with no other text in the prompt, to see what comes through.
"""

import smotext

texts = [
    "The courier left my parcel with a neighbour on Tuesday, and she is away until the 14th.",
    "Please refund the 49 euros for the blue coat, order 3381.",
    "The old man looked at the sea and said nothing.",
]

encoder = smotext.load_encoder()
decoder = smotext.load_decoder()

# %%
# ``do_sample=False`` takes the likeliest words. ``examples=None`` and a list of none per row: the vector is all that
# the model has.

written = decoder.decode(encoder.encode(texts), examples=[[] for _ in texts], max_new_tokens=40)
for text, back in zip(texts, written, strict=True):
    print(f"in:   {text}\nback: {back}\n")

# %%
# The topic comes through, and so do some of its words. Names, numbers, dates and who did what to whom mostly don't.
# That is why a synthetic text is a new text about the same matter, and no copy of the old one; and it is why you
# should not take what it says for a fact.
