"""Makes calls for the behaviour table of test/contract, over plain grpcio.

Usage: calls.py HOST:PORT TOKEN. Reads a call per line from standard input:
`{"id", "method": "lachesis.v1.RunService/GetRun", "requests": [...], "timeout", "cancelAfter"}`,
with requests as proto JSON, and prints `{"id", "response"}` as each comes, then `{"id", "outcome"}`.
"""

import importlib
import json
import sys
import threading

import grpc
from google.protobuf import json_format

from lachesis.errors import from_rpc_error

_SERVICES = ("server", "environment", "run", "work", "batch", "policy", "sandbox")
_OUT = threading.Lock()


def methods():
    """Descriptors of all methods, by `service/method`."""
    found = {}
    for name in _SERVICES:
        file = importlib.import_module(f"lachesis.v1.{name}_service_pb2")
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                messages = [
                    getattr(_module_of(m), m.name) for m in (method.input_type, method.output_type)
                ]
                found[f"{service.full_name}/{method.name}"] = messages
    return found


def _module_of(message):
    return importlib.import_module(message.file.name.replace("/", ".").replace(".proto", "_pb2"))


def emit(value):
    with _OUT:
        print(json.dumps(value), flush=True)


def run(channel, token, types, order):
    request_class, response_class = types
    # Every kind of method is a stream of requests and a stream of responses on the wire.
    method = channel.stream_stream(
        f"/{order['method']}",
        request_serializer=request_class.SerializeToString,
        response_deserializer=response_class.FromString,
    )
    requests = [json_format.ParseDict(request, request_class()) for request in order["requests"]]
    call = method(
        iter(requests),
        timeout=order.get("timeout"),
        metadata=[("authorization", f"Bearer {token}")],
    )
    outcome = {"code": "ok", "message": ""}
    count = 0
    try:
        for response in call:
            count += 1
            emit({"id": order["id"], "response": json_format.MessageToDict(response)})
            if count == order.get("cancelAfter"):
                call.cancel()
    except grpc.RpcError as error:
        failed = from_rpc_error(error)
        code = failed.code.name.lower().replace("cancelled", "canceled")
        outcome = {"code": code, "message": failed.message}
        if failed.reason:
            outcome["detail"] = json_format.MessageToDict(failed.detail)
    emit({"id": order["id"], "outcome": outcome})


def main(address, token):
    known = methods()
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        threads = []
        for line in sys.stdin:
            order = json.loads(line)
            arguments = (channel, token, known[order["method"]], order)
            threads.append(threading.Thread(target=run, args=arguments, daemon=True))
            threads[-1].start()


if __name__ == "__main__":
    main(*sys.argv[1:])
