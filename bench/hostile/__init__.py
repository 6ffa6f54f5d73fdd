"""What refusing the worst documents costs: `python -m bench.hostile`."""
