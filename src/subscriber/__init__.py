"""Keeps CloudWatch log groups subscribed to the forwarder: a Lambda function, and a command that does the same."""

COMMAND = "PYTHONPATH=src .venv/bin/python -m subscriber"  # in a clone
