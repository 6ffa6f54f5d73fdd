"""How a report looks, on paper and in a browser. Reads nothing and decides nothing."""
