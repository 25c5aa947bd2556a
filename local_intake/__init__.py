"""A Datadog-compatible intake for your own machine: it takes what Datadog takes, and shows what arrived.

`python -m local_intake` runs it; `local_intake.server.LocalIntake` runs it inside a test. One noun per module:

    server        starts and stops it
    app, control  HTTP: the intake endpoints, and /_local to look and steer
    encodings     Content-Encoding, with a limit
    payloads      JSON logs and metrics, checked and turned into rows
    spans         protobuf traces, likewise
    keys          API keys: checked, and hidden
    script        answers that go wrong on purpose
    store         where rows go: SQLite, or only counters
    fault_proxy   what an HTTP server cannot do wrong: resets, dribble, cut answers
    records       the types that cross between these
"""
