"""The protobuf of Datadog's trace intake: the schema, and the module that protoc generates from it.

Shared: the forwarder writes these messages and the local intake reads them, and neither imports the
other. `agent_payload.proto` is the source; `agent_payload_pb2.py` and `.pyi` are generated and committed.
Import `trace_proto.agent_payload_pb2` only when the first trace needs it: protobuf takes tens of milliseconds to load.
"""
