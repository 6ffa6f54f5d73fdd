"""What people answer to messages, and what is done about it. How it reaches us is the providers' business."""
