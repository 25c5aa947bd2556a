"""Keeps CloudWatch log groups subscribed to the forwarder: a Lambda function, and the same as a command."""
