"""Webhooks out: public events, posted to endpoints that others name, signed as Standard Webhooks say."""
