"""Python client of Lachesis: exact, scored rollouts for a trainer, over gRPC."""

from .batch import Batch, NoBatch
from .client import Client, SubmitSummary
from .connecting import connect
from .digest import batch_digest
from .errors import LachesisError
from .group import Group, SampledRollout, build_group
from .local import LocalServer, find_local_servers
from .row import Row

__all__ = [
    "Batch",
    "Client",
    "Group",
    "LachesisError",
    "LocalServer",
    "NoBatch",
    "Row",
    "SampledRollout",
    "SubmitSummary",
    "batch_digest",
    "build_group",
    "connect",
    "find_local_servers",
]
__version__ = "0.0.1"
