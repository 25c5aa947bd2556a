"""What `make run` runs: the real handler, under the real Lambda runtime client, against the local intake.

`wrap` turns text into CloudWatch Logs subscription events, `emulator` and `in_process` call the handler,
`intake` starts the local intake and asks it what arrived, `run` puts them together and `report` prints.
`invoke` does the same with the built stack in a container: `sam_local` runs it, `engine` finds the route to it.
"""
