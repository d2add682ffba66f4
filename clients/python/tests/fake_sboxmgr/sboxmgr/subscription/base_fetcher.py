from abc import ABC, abstractmethod


class BaseFetcher(ABC):
    plugin_type = "fetcher"

    def __init__(self, source):
        self.source = source

    @abstractmethod
    def fetch(self):
        """Bytes."""
