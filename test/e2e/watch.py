"""Reads process events of one subject by the generated stubs and prints `revision type` lines: watch.py TARGET TOKEN SUBJECT COUNT."""
import sys

import grpc
from sboxagent.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc

target, token, subject, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
metadata = [("authorization", "Bearer " + token)]
request = event_service_pb2.WatchEventsRequest(after_revision=0, filter=event_pb2.EventFilter(types=["process.**"], subjects=[subject]))
seen = 0
with grpc.insecure_channel(target) as channel:
    for message in event_service_pb2_grpc.EventServiceStub(channel).WatchEvents(request, metadata=metadata, timeout=10):
        for event in message.events:
            print(event.revision, event.type, flush=True)
            seen += 1
        if seen >= count:
            break
