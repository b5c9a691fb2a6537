"""How Sphinx builds the site: ``sphinx-build -W docs docs/_build``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import smotext

sys.path.insert(0, str(Path(__file__).parent / "extensions"))
# It may be installed, and then warns that it lacks what nobody asked for.
logging.getLogger("bitsandbytes").setLevel("ERROR")

project = "SMOTExT"
author = "The SMOTExT maintainers"
copyright = "the SMOTExT maintainers"
version = release = smotext.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "from_the_program",
]
exclude_patterns = ["_build"]
templates_path = ["templates"]

# The pages are Markdown that reads well without this site, too: headings can be linked to, and nothing else is special.
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]  # a term, and what is said of it after a colon

# One page for each public name.
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings have the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_validation_checks = {"GL03", "PR02", "SS02", "YD01"}

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "abort_on_example_error": True,
    "doc_module": ("smotext",),
    "reference_url": {"smotext": None},
}

html_theme = "pydata_sphinx_theme"
html_title = "SMOTExT"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": [], "tutorial/index": []}  # pages with nothing beside them
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
    "pygments_dark_style": "github-dark",
}
