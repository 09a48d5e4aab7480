"""What the end-to-end tests stand on: postern as a process, raw clients, recording origins, certificates."""
