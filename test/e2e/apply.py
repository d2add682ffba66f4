"""Applies a config by the generated stubs and prints what the refusal carries as JSON: apply.py TARGET TOKEN ID FILE."""
import json
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from sboxagent.v1 import process_config_pb2, process_service_pb2, process_service_pb2_grpc

target, token, process_id, path = sys.argv[1:5]
with open(path) as file:
    request = process_service_pb2.ApplyProcessConfigRequest(id=process_id, content=file.read())
with grpc.insecure_channel(target) as channel:
    stub = process_service_pb2_grpc.ProcessServiceStub(channel)
    try:
        stub.ApplyProcessConfig(request, metadata=[("authorization", "Bearer " + token)], timeout=30)
        sys.exit("it was taken")
    except grpc.RpcError as error:
        trailer = dict(error.trailing_metadata())["grpc-status-details-bin"]
        status = status_pb2.Status.FromString(trailer)
        told = {"code": error.code().name, "violations": []}
        for detail in status.details:
            info, apply, bad = error_details_pb2.ErrorInfo(), process_config_pb2.Apply(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                told["reason"], told["apply_id"] = info.reason, info.metadata["apply_id"]
            elif detail.Unpack(apply):
                told["apply"], told["output"] = apply.id, list(apply.engine_output)
            elif detail.Unpack(bad):
                told["violations"] = [one.field for one in bad.field_violations]
        print(json.dumps(told))
