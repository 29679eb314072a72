"""The pages: what the service tells, pictures first. They work without scripts too; with them they are live."""
