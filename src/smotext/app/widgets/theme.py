"""The colours and fonts of the page's fields: the reports' own, and no font that would have to be fetched."""

from __future__ import annotations

from typing import Any

import gradio as gr

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_TEAL = gr.themes.Color(
    name="teal", c50="#f0fdfa", c100="#d5f5ef", c200="#a7e8dc", c300="#6fd6c6", c400="#2dd4bf", c500="#128a7e",
    c600="#0f766e", c700="#0c645e", c800="#0b504b", c900="#093f3c", c950="#062927",
)  # fmt: skip
_INK = gr.themes.Color(
    name="ink", c50="#f6f7f9", c100="#eceff3", c200="#dde2e8", c300="#c3cad3", c400="#9aa7b6", c500="#5f6b7a",
    c600="#4b5665", c700="#2d3642", c800="#1b212a", c900="#12161c", c950="#0d1015",
)  # fmt: skip


def theme() -> Any:
    """Return the theme."""
    fonts = list(_FONTS)
    base = gr.themes.Base(
        primary_hue=_TEAL, secondary_hue=_TEAL, neutral_hue=_INK, font=fonts, font_mono=["ui-monospace", "monospace"],
        radius_size=gr.themes.sizes.radius_md, spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
    )  # fmt: skip
    return base.set(
        body_background_fill="#ffffff", body_background_fill_dark="#12161c",
        body_text_color="#1c2430", body_text_color_dark="#e6eaf0",
        body_text_color_subdued="#5f6b7a", body_text_color_subdued_dark="#9aa7b6",
        block_background_fill="#ffffff", block_background_fill_dark="#1b212a",
        block_label_text_color="#4b5665", block_label_text_color_dark="#c3cad3",
        block_title_text_color="#1c2430", block_title_text_color_dark="#e6eaf0", block_title_text_weight="600",
        block_info_text_color="#5f6b7a", block_info_text_color_dark="#9aa7b6",
        block_shadow="none", block_border_width="1px",
        input_background_fill="#ffffff", input_background_fill_dark="#12161c",
        input_border_width="1px", input_border_width_dark="1px",
        input_border_color="#9aa7b6", input_border_color_dark="#5f6b7a",
        input_placeholder_color="#5f6b7a", input_placeholder_color_dark="#9aa7b6",
        button_primary_background_fill="#0f766e", button_primary_background_fill_hover="#0c645e",
        button_primary_background_fill_dark="#2dd4bf", button_primary_background_fill_hover_dark="#6fd6c6",
        button_primary_text_color="#ffffff", button_primary_text_color_dark="#062927",
        button_cancel_background_fill="#b42318", button_cancel_text_color="#ffffff",
        button_cancel_background_fill_dark="#f98a80", button_cancel_text_color_dark="#3a1d1b",
        slider_color="#0f766e", slider_color_dark="#2dd4bf",
    )  # fmt: skip
