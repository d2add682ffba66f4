"""The stream client under the name that the project's first plan gave it: the agent streams by gRPC, not by WebSocket."""

from .stream_client import EventStreamClient as EventStreamClient
from .stream_client import Gap as Gap

__all__ = ["EventStreamClient", "Gap"]
