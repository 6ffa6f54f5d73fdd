"""What staff write to everybody who waits in a queue. Sending the single messages is `delivery.py`."""
