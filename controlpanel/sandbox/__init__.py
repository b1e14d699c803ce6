"""A faithful stand-in for the VPS.org API: a process of its own for demo, development and tests.

What the provider's page documents is done as documented; everything else is marked "guess" where
it is decided. Plain standard library; imports nothing of the panel, and the panel imports none
of it.
"""
