"""Messages on their way, as staff see them and what they do about them."""
