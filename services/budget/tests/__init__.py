"""Tests of the budget service."""
