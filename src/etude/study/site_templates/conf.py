"""Sphinx configuration of the study's site; `etude.study.site` lays it out beside the pages."""

from pathlib import Path

from etude.study.notebook import load_nbformat

load_nbformat()  # before an extension does, and takes longer

project = "étude"
author = "the étude authors"
language = "en"

extensions = ["myst_nb", "etude.study.mathml"]
exclude_patterns = ["_build", "jupyter_execute", "Thumbs.db"]
default_role = "py:obj"  # `Name` in a docstring: a link where there is such a thing, else code
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

nb_execution_mode = "off"  # pages show what the runs wrote
nb_merge_streams = True
nb_output_stderr = "remove"
nb_render_markdown_format = "myst"  # what `say` showed may hold equations
nb_ipywidgets_js = {}  # MyST-NB's default is scripts from a content network
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "strikethrough"]
myst_heading_anchors = 3
myst_update_mathjax = False
suppress_warnings = ["ref.python"]  # a word of a type that names several things stays a word

html_theme = "furo"
html_title = "étude"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["etude.css"]
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # it fetches pages, which browsers refuse from the disk
html_search_scorer = str(Path(__file__).with_name("search_order.js"))
html_permalinks_icon = "#"
html_theme_options = {
    "navigation_with_keys": True,
    "top_of_page_buttons": [],
    "footer_icons": [],
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
