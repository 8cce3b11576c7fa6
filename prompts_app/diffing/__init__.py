"""Comparing texts and versions, and putting two people's changes together. Pure: no Django, no I/O."""
