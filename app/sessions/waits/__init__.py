"""Estimates of waits, served: learned from each queue's log, said to whoever waits, scored when the truth is known.

How an estimate is made is `app/estimates`, which is pure; here it meets lines, tables and workers.
"""
