"""Every error Gatehouse raises on purpose.

GatehouseError
├── ConfigError        a file in config/ is wrong: names file, line and remedy
├── RecordFormatError  an analysis record is not what aws.md §2.5 says
├── UnknownStreamError a record's StreamArn is in no snapshot
├── PlanError          a plan can't be made, or live state moved since it was
├── PreflightError     a rollout can't work; nothing of its plan was written
├── RosterError        a roster source can't be trusted as a whole
├── PhotoRejectedError one photo can't be enrolled: the person is quarantined
└── LedgerError        the ledger disagrees with what was found, or is held by another run
"""

from __future__ import annotations


class GatehouseError(Exception):
    """Base of all errors raised on purpose; its message says what to do next."""


class ConfigError(GatehouseError):
    """Raise for a wrong configuration file."""


class RecordFormatError(GatehouseError):
    """Raise for an analysis record that doesn't parse."""


class UnknownStreamError(GatehouseError):
    """Raise for a record whose stream belongs to no camera in the snapshot."""


class PlanError(GatehouseError):
    """Raise when a plan can't be made or no longer fits live state."""


class PreflightError(GatehouseError):
    """Raise when a blocking finding forbids a rollout; nothing of its plan was written."""


class RosterError(GatehouseError):
    """Raise when a roster source fails its sanity checks; nothing is changed."""


class PhotoRejectedError(GatehouseError):
    """Raise when one photo can't be enrolled; the rest of the roster goes on."""


class LedgerError(GatehouseError):
    """Raise when the ledger and the world disagree, or another run holds the office."""
