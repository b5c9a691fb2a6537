"""Classifiers on real and synthetic rows: how much the synthetic ones weigh is chosen on the real ones.

:class:`~smotext.fitting.classifier.SMOTExTClassifier` does it all; :func:`~smotext.fitting.choosing.choose_fit` is the
choice by itself, which the evaluation uses as well.
"""
