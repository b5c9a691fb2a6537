"""
Between two texts
=================

Two texts of a class are two points in the space of an encoder. This walks from the one to the other in five steps,
has the language model write a text at each, and looks where those texts lie themselves.
"""

import matplotlib.pyplot as plt
import numpy as np

import smotext

first = "I only received half of the refund that we agreed on."
second = "The coat does not fit. How do I get my money back?"

# %%
# ``lam`` is the weight of the first text: 1 is the first text alone, 0 the second. Nothing here was selected; another
# ``random_state`` writes other texts.

steps = smotext.interpolate(first, second, steps=5, random_state=0)
for step in steps:
    print(f"{step.lam:.2f}  {step.text}")

# %%
# Did the model write what it was asked for? The encoder reads the five texts again. If lam is heard, a text that was
# written for a high lam lies nearer to the first text, and one for a low lam nearer to the second.

encoder = smotext.load_encoder()
vectors = encoder.encode([first, second, *(step.text for step in steps)])
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
to_first, to_second = (vectors[2:] @ vectors[:2].T).T

lam = [step.lam for step in steps]
figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
axes.plot(lam, to_first, "o-", label="to the first text")
axes.plot(lam, to_second, "s--", label="to the second text")
axes.invert_xaxis()
axes.set(xlabel="lam, the weight of the first text", ylabel="cosine of what was written")
axes.legend()
plt.show()
