"""Mutants that may survive, and why: `(file, lines before, lines after): reason`, lines without their indentation."""

ACCEPTED = {}
