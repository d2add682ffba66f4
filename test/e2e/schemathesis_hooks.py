"""Ids that are there, so that answers of success are seen too: TEST_OPENAPI_IDS has path parameters by operation."""

import itertools
import json
import os

import schemathesis

IDS = json.loads(os.environ.get("TEST_OPENAPI_IDS", "{}"))
CALLS = itertools.count()


@schemathesis.hook
def before_call(ctx, case, kwargs):
    operation = case.operation.definition.raw.get("operationId")
    # What is asked for by chance goes on in every second call.
    if operation in IDS and next(CALLS) % 2 == 0:
        case.path_parameters = {**(case.path_parameters or {}), **IDS[operation]}
    # The configuration of the agent under test stays: a document by chance would end its units.
    if operation == "updateConfig":
        case.query = {**(case.query or {}), "validate_only": "true"}
