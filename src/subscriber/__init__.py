"""Keeps CloudWatch log groups subscribed to the forwarder: a Lambda function, and the same as a command."""

COMMAND = "PYTHONPATH=src .venv/bin/python -m subscriber"  # in a clone
