"""What if: the rules of a line, played over recorded or invented visitors with other staff, rate, cap or discipline.

It changes no line and writes no row; what is computed is pure, and done in a process of its own.
"""
