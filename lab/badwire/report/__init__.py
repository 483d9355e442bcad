"""Reports of a run: text, Markdown, JUnit; `html` has the pages, `live` the screen during a run.

`story` makes plain data of the evidence, which `text`, `html` and `live` show; `describe` writes the texts in it.

May import: course, result, claims, evidence and what lies below them; never what runs scenarios.
"""
