"""Measures: code lengths and their proof, floors, intervals, the published protocol, statistics of scores."""
