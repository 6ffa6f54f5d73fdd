"""Baselines: what the product costs, each figure beside a reference measured in the same run on the same servers.

Not a load test and no tuning: a run takes minutes on a laptop and says where things stand.
"""
