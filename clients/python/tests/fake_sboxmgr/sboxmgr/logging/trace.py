import uuid
from contextvars import ContextVar

trace_id_var = ContextVar("trace_id", default="")


def get_trace_id():
    if not trace_id_var.get():
        trace_id_var.set(str(uuid.uuid4())[:8])
    return trace_id_var.get()
