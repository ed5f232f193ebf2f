"""Named wrong answers to lesson 03, each with a hint that points and does not tell."""

from __future__ import annotations
