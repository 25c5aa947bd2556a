"""A Datadog-compatible intake for your own machine: it takes what Datadog takes, and shows what arrived.

`python -m local_intake` runs it; `local_intake.server.LocalIntake` runs it inside a test. By module:

    server        starts and stops it
    app, control  HTTP: the intake endpoints, and /_local to look and steer
    encodings     Content-Encoding, with a limit
    payloads      JSON logs and metrics, checked and turned into rows
    spans         protobuf traces, likewise
    keys          API keys: checked, and hidden
    script        responses that fail on purpose
    store         where rows go: SQLite, or only counters
    fault_proxy   faults that an HTTP server cannot produce: resets, dribble, truncated responses
    records       the types that these share
"""
