"""Ratings in the schema."""
