"""Who asks the control services in tests."""

from hongyan.model.actor import command

OPERATOR = command("tests")
"""Somebody on the machine: may do everything."""
