"""The pages: `report.html` of a run and `runs/index.html`, with their templates, style and scripts.

May import: report, course, result, evidence and what lies below them.
"""
