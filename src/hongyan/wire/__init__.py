"""Carrier protocols without I/O: one session for all, one codec each."""
