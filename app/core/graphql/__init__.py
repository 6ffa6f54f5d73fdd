"""Pieces every feature's GraphQL package is built from. No feature's types."""
