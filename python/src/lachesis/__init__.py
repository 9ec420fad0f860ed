"""Python client of Lachesis: exact, scored rollouts for a trainer, over gRPC."""

from .batch import Batch, NoBatch
from .client import Client
from .connecting import connect
from .digest import batch_digest
from .errors import LachesisError
from .group import Group, SampledRollout, build_group
from .local import LocalServer, find_local_servers
from .reconnect import Reconnect
from .row import Row
from .sandbox import Completed, Exit, Output, Sandbox
from .submit import SubmitSummary

__all__ = [
    "Batch",
    "Client",
    "Completed",
    "Exit",
    "Group",
    "LachesisError",
    "LocalServer",
    "NoBatch",
    "Output",
    "Reconnect",
    "Row",
    "SampledRollout",
    "Sandbox",
    "SubmitSummary",
    "batch_digest",
    "build_group",
    "connect",
    "find_local_servers",
]
__version__ = "0.0.1"
