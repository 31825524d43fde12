"""How Sphinx builds these pages: ``make docs``, where a warning is an error."""

from sphinx.pycode import ModuleAnalyzer

from fand import __version__

project = "fand"
author = "the fand developers"
copyright = "the fand developers"
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.doctest", "myst_parser"]
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
add_module_names = False

trim_doctest_flags = True

html_theme = "furo"
html_title = f"fand {release}"
html_copy_source = False


# fand.communication.Request is written in fand.wire.request: there are the comments that describe its members.
_written, _public = (ModuleAnalyzer.for_module(name) for name in ("fand.wire.request", "fand.communication"))
_written.analyze()
_public.analyze()
_public.attr_docs.update(_written.attr_docs)
_public.tagorder.update(_written.tagorder)
