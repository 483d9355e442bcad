"""Reports of a run: text, Markdown, JUnit; `html` has the pages, `live` the screen during a run.

`story` turns the evidence into plain data, which `text`, `html` and `live` show; `describe` writes the texts in it.

May import: course, result, claims, evidence and what lies below them; never what runs scenarios.
"""
