import logging

PLUGIN_REGISTRY = {}


def register(source_type):
    def wrapper(cls):
        PLUGIN_REGISTRY[source_type] = cls
        return cls

    return wrapper


def load_entry_points():
    try:
        import importlib.metadata

        found = importlib.metadata.entry_points()
        for one in found.select(group="sboxmgr.plugins") if hasattr(found, "select") else found.get("sboxmgr.plugins", ()):
            PLUGIN_REGISTRY[one.name] = one.load()
    except Exception as error:
        logging.debug(f"Failed to load entry points: {error}")
