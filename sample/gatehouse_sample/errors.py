"""Every error the sample company raises on purpose: it names the thing, the state and the remedy.

SampleError
├── FilmError     a camera's video can't be served
├── CompanyError  the company's folder is missing or incomplete
└── FacesError    the folder of real photos can't make a company
"""

from __future__ import annotations


class SampleError(Exception):
    """Base of the sample company's errors."""


class FilmError(SampleError):
    """Raise for a video that can't be served as a camera's picture."""


class CompanyError(SampleError):
    """Raise for a company folder that can't be used."""


class FacesError(SampleError):
    """Raise for a folder of photos with too few usable people."""
