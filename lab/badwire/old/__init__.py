"""The first edition of evidence and claims, for scenarios that are not rewritten yet."""
