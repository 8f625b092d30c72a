"""CRMs: completed calls become the provider's call objects, and its webhooks become customers.

A provider is a module: how a call is written for it (pure), and what is asked of it over HTTP. `provider.py` says what
each offers, `talk.py` how each is spoken with, `channel.py` when.
"""
