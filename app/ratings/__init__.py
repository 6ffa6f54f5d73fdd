"""What visitors say after service: a score, whether they would recommend the place, a few words.

Asked for per queue, given by link, in the app or by staff. Figures about it are the analytics' business.
"""
