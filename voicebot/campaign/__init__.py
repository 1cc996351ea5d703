"""Campaigns: who is called, when, how often, by which rule."""
