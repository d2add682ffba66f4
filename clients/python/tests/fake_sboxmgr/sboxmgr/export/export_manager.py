from sboxmgr.subscription.exporters.singbox_exporter import singbox_export

EXPORTER_REGISTRY = {"singbox": singbox_export}
