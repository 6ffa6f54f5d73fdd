"""Messages on their way: how each is, sending again what failed, and how long they take. Who sends is `delivery.py`."""
