"""What a process may do: Landlock, seccomp, limits, namespaces; and what this machine can enforce."""
