"""The page in the browser: load a table, look between two texts, write new ones, and read them before they are used.

What the page knows is kept apart from what it looks like. ``widgets`` alone speaks to Gradio; the other modules can be
used, and are tested, without a browser.
"""
