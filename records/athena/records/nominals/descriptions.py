"""Codes for what a person looks like and says they are, with their POLE numbers.

The ethnicity codes are the police service's 16+1 of the 2001 census; the other lists are common
practice, not a national standard, and so are this platform's own.
"""

from __future__ import annotations

import enum


class Ethnicity(enum.StrEnum):
    """Self-defined ethnicity, 16+1 (POLE 038): sensitive processing (DPA 2018, s.35(8))."""

    WHITE_BRITISH = "W1"
    WHITE_IRISH = "W2"
    WHITE_OTHER = "W9"
    MIXED_WHITE_AND_BLACK_CARIBBEAN = "M1"
    MIXED_WHITE_AND_BLACK_AFRICAN = "M2"
    MIXED_WHITE_AND_ASIAN = "M3"
    MIXED_OTHER = "M9"
    ASIAN_INDIAN = "A1"
    ASIAN_PAKISTANI = "A2"
    ASIAN_BANGLADESHI = "A3"
    ASIAN_OTHER = "A9"
    BLACK_CARIBBEAN = "B1"
    BLACK_AFRICAN = "B2"
    BLACK_OTHER = "B9"
    CHINESE = "O1"
    OTHER = "O9"
    NOT_STATED = "NS"


class Build(enum.StrEnum):
    """Build (POLE 039)."""

    ATHLETIC = "athletic"
    HEAVY = "heavy"
    MEDIUM = "medium"
    PROPORTIONATE = "proportionate"
    SLIM = "slim"
    STOCKY = "stocky"


class Complexion(enum.StrEnum):
    """Complexion (POLE 040)."""

    DARK = "dark"
    FRECKLED = "freckled"
    FRESH = "fresh"
    PALE = "pale"
    RUDDY = "ruddy"
    TANNED = "tanned"


class EyeColour(enum.StrEnum):
    """Eye colour, left (POLE 041) and right (POLE 042) apart."""

    BLUE = "blue"
    BROWN = "brown"
    GREEN = "green"
    GREY = "grey"
    HAZEL = "hazel"
    NOT_SEEN = "not seen"


class DistinguishingFeature(enum.StrEnum):
    """The kind of a distinguishing feature (POLE 043); the words beside it say where and what."""

    BIRTHMARK = "birthmark"
    GLASSES = "glasses"
    MISSING_LIMB_OR_DIGIT = "missing limb or digit"
    PIERCING = "piercing"
    SCAR = "scar"
    TATTOO = "tattoo"


class Hair(enum.StrEnum):
    """Hair (POLE 046)."""

    BALD = "bald"
    BLACK = "black"
    BLOND = "blond"
    BROWN = "brown"
    DYED = "dyed"
    GREY = "grey"
    RED = "red"
    SHAVED = "shaved"
    WHITE = "white"
