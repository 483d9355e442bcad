"""What people and programs are shown of a run: text, Markdown, JUnit; `html` has the pages, `live` the screen.

May import: course, result, claims, evidence and what lies below them; never what runs scenarios.
"""
