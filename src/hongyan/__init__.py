"""Hongyan (鸿雁): a self-hosted SMS platform."""
