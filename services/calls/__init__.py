"""Calls: facts from telephone systems become visits, legs and the figures that a manager decides on."""
