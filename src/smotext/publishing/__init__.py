"""Bridges and synthetic data sets on the Hugging Face hub, with cards that say how they came about."""

from smotext.publishing.cards import bridge_card, data_card
from smotext.publishing.pushing import push_to_hub, write_card

__all__ = ["bridge_card", "data_card", "push_to_hub", "write_card"]
