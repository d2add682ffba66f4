"""`python -m sboxmgr good|bad SERVERS`: a run with a fetcher, a late parser, policies, an exporter, events and log lines."""

import sys
from types import SimpleNamespace

from .events.core import EventType, get_event_manager
from .export import export_manager
from .logging import get_logger, initialize_logging
from .policies.base import BasePolicy
from .subscription.base_fetcher import BaseFetcher
from .subscription.registry import PLUGIN_REGISTRY, load_entry_points, register


@register("url")
@register("url_base64")
class URLFetcher(BaseFetcher):
    def fetch(self):
        if self.source.url.startswith("bad"):
            raise OSError("cannot fetch https://user:pw@example.org/sub/s3cret-token?key=1")
        return b"\n".join(b"server%d" % n for n in range(int(self.source.url)))


class GeoPolicy(BasePolicy):
    def evaluate(self, server):
        return SimpleNamespace(allowed=True)


def main():
    initialize_logging()
    events = get_event_manager()
    events.emit(EventType.CONFIG_GENERATED, {"status": "started", "password": "hunter2", "url": "https://example.org/sub/s3cret-token"}, source="config.generate")
    load_entry_points()
    logger = get_logger("sboxmgr.run")
    logger.info("fetching https://example.org/sub/s3cret-token with token=s3cret-token")
    try:
        raw = PLUGIN_REGISTRY["url_base64"](SimpleNamespace(source_type="url_base64", url=sys.argv[2])).fetch()
    except OSError as error:
        logger.error("failed: vless://11111111-2222-3333-4444-555555555555@example.org:443")
        print("failed:", type(error).__name__)
        return 1
    from .subscription.base_parser import BaseParser

    class LineParser(BaseParser):
        def parse(self, raw):
            return raw.decode().split()

    class BetterParser(LineParser):
        def parse(self, raw):
            return super().parse(raw)

    servers = [one for one in BetterParser().parse(raw) if GeoPolicy().evaluate(one).allowed]
    config = export_manager.EXPORTER_REGISTRY["singbox"](servers, [])
    events.emit(EventType.CONFIG_GENERATED, {"status": "completed", "outbounds": len(config["outbounds"])}, source="config.generate", priority=80)
    initialize_logging()
    get_logger("sboxmgr.run").warning("done")
    print("registered:", sorted(PLUGIN_REGISTRY))
    print("outbounds:", len(config["outbounds"]))
    return 0


sys.exit(main())
