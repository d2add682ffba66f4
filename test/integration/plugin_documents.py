"""A plugin of another language, by the generated stubs: registers, watches its document, and answers to each revision until it
is told to end. plugin_documents.py TARGET TOKEN ID; prints one JSON a line."""
import json
import sys

import grpc
from google.protobuf import json_format, struct_pb2
from sboxagent.v1 import plugin_session_service_pb2 as pb
from sboxagent.v1 import plugin_session_service_pb2_grpc as services

target, token, plugin_id = sys.argv[1:4]
metadata = [("authorization", "Bearer " + token)]
schema = struct_pb2.Struct()
schema.update({
    "type": "object",
    "properties": {"port": {"type": "integer", "minimum": 1}, "password": {"type": "string", "writeOnly": True}},
})
with grpc.insecure_channel(target) as channel:
    sessions = services.PluginSessionServiceStub(channel)
    plugin = pb.PluginRegistration(id=plugin_id, name="from Python", version="1")
    request = pb.RegisterPluginRequest(plugin=plugin, config_schema=schema, secret_paths=["extra.key"])
    request.lease.FromSeconds(60)
    session = sessions.RegisterPlugin(request, metadata=metadata).session_id
    print(json.dumps({"registered": True}), flush=True)
    watch = pb.WatchPluginConfigRequest(plugin_id=plugin_id, session_id=session)
    for document in sessions.WatchPluginConfig(watch, metadata=metadata, timeout=60):
        config = json_format.MessageToDict(document.config)
        print(json.dumps({"revision": document.revision, "config": config}), flush=True)
        if document.revision == 0:
            continue
        good = config.get("port") != 666
        ack = pb.AckPluginConfigRequest(plugin_id=plugin_id, session_id=session, revision=document.revision, applied=good)
        if not good:
            ack.message = "port 666 is not to be had, tried with " + config["password"]
        sessions.AckPluginConfig(ack, metadata=metadata)
        if config.get("port") == 9:
            break
