"""Dashboards that are kept: which figures, where on the grid. What they show is analytics' business."""
