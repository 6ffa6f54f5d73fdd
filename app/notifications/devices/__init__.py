"""Browsers and apps that have registered to be pushed to, and the key they are pushed to with. Sends nothing."""
