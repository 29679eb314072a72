"""The service: runs by REST, queued in the store, each driven in a process of its own."""
