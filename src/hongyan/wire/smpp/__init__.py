"""SMPP 3.4: the codec and the small languages inside its fields."""

from hongyan.wire.smpp.codec import Smpp

__all__ = ["Smpp"]
