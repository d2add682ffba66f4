"""Prints what the agent is and what it runs: status.py TARGET TOKEN (with PYTHONPATH=gen/python)."""
import sys

import grpc
from sboxagent.v1 import agent_service_pb2, agent_service_pb2_grpc, process_pb2, process_service_pb2, process_service_pb2_grpc

target, token = sys.argv[1:3]
metadata = [("authorization", "Bearer " + token)]
with grpc.insecure_channel(target) as channel:
    status = agent_service_pb2_grpc.AgentServiceStub(channel).GetStatus(agent_service_pb2.GetStatusRequest(), metadata=metadata, timeout=5)
    print(f"{status.name}: sboxagent {status.version}, {status.journal.count} events kept, the newest has revision {status.journal.last_revision}")
    listed = process_service_pb2_grpc.ProcessServiceStub(channel).ListProcesses(process_service_pb2.ListProcessesRequest(), metadata=metadata, timeout=5)
    for process in listed.processes:
        print(f"{process.id}: {process_pb2.Process.State.Name(process.state)}, pid {process.pid}")
